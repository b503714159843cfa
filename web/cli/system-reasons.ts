/** What a file system calls the usual reasons. */
const CODES: Readonly<Record<string, string>> = {
  EACCES: 'its permissions do not allow it',
  EEXIST: 'a file is in the way',
  EFBIG: 'it would be larger than files may be',
  EISDIR: 'it is a folder',
  ELOOP: 'its links lead in a circle',
  ENOENT: 'there is no such file or folder',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a part of its path is no folder',
  EROFS: 'the disk is read-only',
  ERR_FS_FILE_TOO_LARGE: 'it is larger than 2 GB',
};

/** Why the system did not do something with a file: its code, and what that means where it is a usual one. */
export function systemReason({ code, message }: NodeJS.ErrnoException): string {
  if (code === undefined) return message;
  return Object.hasOwn(CODES, code) ? `${code}, ${CODES[code]}` : code;
}
