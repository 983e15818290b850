/** Every operation with a contract. */
import type { Operation } from './contract.js';
import { elementwise } from './elementwise.js';
import { shapes } from './shapes.js';
import { sums } from './sums.js';

export const rows: readonly Operation[] = [...elementwise, ...shapes, ...sums];
