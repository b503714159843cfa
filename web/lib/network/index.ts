/** Whole networks of ONNX and TFLite files, as programs that run. */

export type { NodeInfo } from './front-end.js';
export { type LoadNetworkOptions, type LoadProgress, loadNetwork } from './load.js';
export {
  Network,
  type NetworkForwardOptions,
  type NetworkRunOptions,
  type ProfiledStep,
} from './network.js';
export type { PortInfo } from './ports.js';
export type { TileOptions } from './tiles.js';
export type { NetworkPlan, NetworkStepInfo } from './told.js';
