// The first result of a candidate in a Node process of its own.

import { firstResult } from '../first-result.mjs';
import { answer } from './answer.mjs';
import { nodeHost } from './node.mjs';

answer(({ name }) => firstResult(name, nodeHost));
