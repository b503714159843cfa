import { signal, useSignalEffect } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { shareLink } from '../link';
import type { Said } from '../model/share';
import { canRedo, canUndo, redo, state, theme, toggleTheme, undo } from '../store';

/** What works on the whole page. */
export function Toolbar() {
  useEffect(() => {
    document.addEventListener('keydown', onKeyDown);
    return () => document.removeEventListener('keydown', onKeyDown);
  }, []);
  return (
    <div class="toolbar" role="toolbar" aria-label="Page">
      <ToolButton
        name="Undo"
        keys="Ctrl+Z"
        disabled={!canUndo.value}
        path="M8 4 3.500 8.500 8 13M4 8.500h8a4 4 0 0 1 0 8h-2"
        onClick={undo}
      />
      <ToolButton
        name="Redo"
        keys="Ctrl+Shift+Z"
        disabled={!canRedo.value}
        path="m12 4 4.500 4.500L12 13M16 8.500H8a4 4 0 0 0 0 8h2"
        onClick={redo}
      />
      <Share />
      <Export />
      <ThemeButton />
    </div>
  );
}

function onKeyDown(event: KeyboardEvent): void {
  if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
  // A field that is being typed in has an undo of its own.
  if ((event.target as HTMLElement).matches('input[type="text"], input[type="number"], textarea')) return;
  const key = event.key.toLowerCase();
  if (key === 'z') event.shiftKey ? redo() : undo();
  else if (key === 'y') redo();
  else return;
  event.preventDefault();
}

const NOTHING: Said = { text: '' };
const saying = signal(NOTHING);

function say(said: Said): void {
  saying.value = said;
}

/** Copies the address, which holds all that is chosen; where that is forbidden, shows it to be copied. */
function Share() {
  const said = saying.value;
  const share = async () => say((await shareLink()) ?? { text: 'What writes links did not load.' });
  useSignalEffect(() => {
    // A link is one to what is shown.
    if (state.value && saying.peek().link) say(NOTHING);
  });
  useEffect(() => {
    if (said === NOTHING || said.link) return;
    const timer = setTimeout(() => say(NOTHING), 4000);
    return () => clearTimeout(timer);
  }, [said]);
  return (
    <div class="share">
      <button type="button" class="text-button" onClick={() => void share()}>
        Share
      </button>
      <div class={said === NOTHING ? 'visually-hidden' : 'share-said'} role="status">
        {said.text}
        {said.link && (
          <input
            type="text"
            readOnly
            aria-label="Link to this state"
            value={said.link}
            onFocus={(event) => event.currentTarget.select()}
            onBlur={() => say(NOTHING)}
          />
        )}
        {said.more}
      </div>
    </div>
  );
}

type Dialog = typeof import('./export-dialog').ExportDialog;

/** Opens the dialog, whose script is loaded with it. */
function Export() {
  const [dialog, setDialog] = useState<{ Dialog: Dialog } | null>(null);
  const [open, setOpen] = useState(false);
  const show = async () => {
    try {
      if (!dialog) setDialog({ Dialog: (await import('./export-dialog')).ExportDialog });
      setOpen(true);
    } catch {
      say({ text: 'What exports layers did not load.' });
    }
  };
  return (
    <>
      <button type="button" class="text-button" onClick={() => void show()}>
        Export
      </button>
      {open && dialog && <dialog.Dialog onClose={() => setOpen(false)} />}
    </>
  );
}

function ThemeButton() {
  const other = theme.value === 'dark' ? 'light' : 'dark';
  return (
    <button
      type="button"
      class="icon-button"
      aria-label={`Use the ${other} theme`}
      title={`Use the ${other} theme`}
      onClick={toggleTheme}
    >
      <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
        <circle cx="10" cy="10" r="7" fill="none" stroke="currentColor" stroke-width="1.6" />
        <path d="M10 3a7 7 0 0 1 0 14z" fill="currentColor" />
      </svg>
    </button>
  );
}

interface ToolButtonProps {
  name: string;
  keys: string;
  disabled: boolean;
  path: string;
  onClick: () => void;
}

function ToolButton({ name, keys, disabled, path, onClick }: ToolButtonProps) {
  return (
    <button
      type="button"
      class="icon-button"
      aria-label={name}
      title={`${name} (${keys})`}
      disabled={disabled}
      onClick={onClick}
    >
      <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
        <path d={path} fill="none" stroke="currentColor" stroke-width="1.6" />
      </svg>
    </button>
  );
}
