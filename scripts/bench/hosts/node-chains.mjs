// Chains in a Node process of their own.

import { measureChains } from '../chains.mjs';
import { answer } from './answer.mjs';
import { nodeHost } from './node.mjs';

answer((options) => measureChains(nodeHost, options));
