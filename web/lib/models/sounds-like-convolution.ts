/** Whether an operator's name says that it convolves, whoever made it; `Convert` does not. */
export function soundsLikeConvolution(type: string): boolean {
  return /conv(?!er[tgs]|ex|ey|oy|en)/i.test(type);
}
