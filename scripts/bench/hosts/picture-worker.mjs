// The same as in the page, beside it.

import { pictureAndLayer } from '../picture.mjs';
import { pageHost } from './page.mjs';

globalThis.onmessage = async ({ data }) => globalThis.postMessage(await pictureAndLayer(pageHost, data));
