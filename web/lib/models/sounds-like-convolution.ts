/** Whether an operator's name says that it convolves, whoever made it; `Convert` does not. */
export function soundsLikeConvolution(type: string): boolean {
  return /conv(?!er[tgs]|ex|ey|oy|en)/i.test(type);
}

/** Whether it says that channels become positions, which makes a convolution in front of it raise the resolution. */
export function soundsLikeShuffle(type: string): boolean {
  return /pixel_?shuffle|depth_?to_?space/i.test(type);
}
