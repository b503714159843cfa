import { hasBrand, SEQUENTIAL } from '../core/brands.js';
import { fault, refuse } from '../core/checks.js';
import { isList } from '../core/realms.js';

/** Refuses what is no list of layers, first of all the chain that has one, or chains in a list. */
export function checkLayers(where: string, layers: unknown): void {
  if (!isList(layers)) refuse('BAD_TYPE', where, 'a list of layers', layers, 'A chain has it as its layers.');
  for (const [index, layer] of layers.entries()) {
    // A class of the user's may have parameters of its own beside its modules.
    if (!hasBrand(layer, SEQUENTIAL) || 'setWeight' in (layer as object)) continue;
    throw fault(
      'BAD_TYPE',
      where,
      `layers[${index}] to be a layer`,
      'a chain',
      'Write net.layers for [net], or ...net.layers among others.',
    );
  }
}
