import { fitted, fromBytes, type Picture } from '../model/picture';

const LONGEST_SIDE = 256;

/** Reads a picture file in the page; nothing leaves it. Larger ones are made smaller first. */
export async function openPicture(file: Blob, name: string): Promise<Picture> {
  const bitmap = await createImageBitmap(file);
  const { width, height } = fitted(bitmap.width, bitmap.height, LONGEST_SIDE);
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d');
  if (!context) throw new Error('no 2D canvas');
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  return fromBytes(name, width, height, context.getImageData(0, 0, width, height).data);
}

/** The first picture among dropped or pasted things, if there is one. */
export function pictureFile(transfer: DataTransfer | null): File | null {
  return [...(transfer?.files ?? [])].find((file) => file.type.startsWith('image/')) ?? null;
}
