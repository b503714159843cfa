import './style/page.css';
import { effect } from '@preact/signals';
import { render } from 'preact';
import { App } from './app';
import { tellHeight } from './embed/tell-height';
import { starting } from './engine/engine';
import { followAddress } from './link';
import { followLinks } from './shell/navigation';
import { openInPlace } from './shell/place';
import { followEngine, followSystem, theme } from './store';
import { keepFilesOut } from './view/keep-files-out';

followSystem();
followLinks();
keepFilesOut();
effect(() => {
  document.documentElement.dataset.theme = theme.value;
});

void followEngine(starting);
void followAddress().then(() => {
  const page = document.getElementById('page');
  if (!page) return;
  page.replaceChildren();
  render(<App />, page);
  openInPlace();
  tellHeight(page);
});
