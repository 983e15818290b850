import { describe } from 'vitest';
import { startEngine } from '../../src/engine/start.js';
import { holds } from './contract.js';
import { elementwise } from './elementwise.js';
import { shapes } from './shapes.js';
import { sums } from './sums.js';

startEngine();

for (const operation of [...elementwise, ...shapes, ...sums])
  describe(operation.name, () => holds(operation));
