import { fitted, fromBytes, type Picture } from '../model/picture';

const LONGEST_SIDE = 256;

/** Reads a picture file in the page; nothing leaves it. Larger ones are made smaller first. */
export async function openPicture(file: Blob, name: string): Promise<Picture> {
  const image = await decoded(file);
  const { width, height } = fitted(image.width, image.height, LONGEST_SIDE);
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d');
  if (!context) throw new Error('no 2D canvas');
  context.imageSmoothingQuality = 'high';
  context.drawImage(image, 0, 0, width, height);
  if (image instanceof ImageBitmap) image.close();
  return fromBytes(name, width, height, context.getImageData(0, 0, width, height).data);
}

/** Browsers make bitmaps of files of pixels only. */
async function decoded(file: Blob): Promise<ImageBitmap | HTMLImageElement> {
  if (file.type !== 'image/svg+xml') return createImageBitmap(file);
  const image = new Image();
  image.src = URL.createObjectURL(file);
  try {
    await image.decode();
    if (image.width === 0 || image.height === 0) throw new Error('a picture without pixels');
    return image;
  } finally {
    URL.revokeObjectURL(image.src);
  }
}

/** The first picture among dropped or pasted things, if there is one. */
export function pictureFile(transfer: DataTransfer | null): File | null {
  return [...(transfer?.files ?? [])].find((file) => file.type.startsWith('image/')) ?? null;
}
