import './open-file.css';

interface Props {
  title: string;
  hint: string;
  accept: string;
  multiple?: boolean;
  onFiles: (files: readonly File[]) => void;
}

/** Where a file is chosen. Dropping is the business of what stands around it. */
export function OpenFile({ title, hint, accept, multiple, onFiles }: Props) {
  return (
    <label class="open-file">
      <input
        type="file"
        accept={accept}
        multiple={multiple}
        onChange={({ currentTarget }) => {
          const files = [...(currentTarget.files ?? [])];
          if (files.length > 0) onFiles(files);
          // The same file chosen again is a change again.
          currentTarget.value = '';
        }}
      />
      <b>{title}</b>
      <span class="open-file-hint">{hint}</span>
    </label>
  );
}
