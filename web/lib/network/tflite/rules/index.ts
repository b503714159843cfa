import { convolutions } from './convolutions.js';
import { elementwise } from './elementwise.js';
import { moving } from './moving.js';
import type { Rules } from './rule.js';
import { windows } from './windows.js';

/** How operators become operations, by what TFLite calls them. */
export const RULES: Rules = { ...convolutions, ...elementwise, ...moving, ...windows };
