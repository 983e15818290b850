import { describe } from 'vitest';
import { startEngine } from '../../src/engine/start.js';
import { holds } from './contract.js';
import { rows } from './rows.js';

startEngine();

for (const operation of rows) describe(operation.name, () => holds(operation));
