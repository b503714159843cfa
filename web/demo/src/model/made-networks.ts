/** Small networks of well-known shapes that the page makes itself, with weights of a seed. */
export const madeNetworks = ['fsrcnn', 'dcgan', 'taesd', 'hifigan'] as const;
export type MadeNetwork = (typeof madeNetworks)[number];

export const madeNetworkNames: Record<MadeNetwork, string> = {
  fsrcnn: 'FSRCNN ×3',
  dcgan: 'DCGAN',
  taesd: 'Decoder like TAESD',
  hifigan: 'Vocoder like HiFi-GAN',
};
