import { effect } from '@preact/signals';
import { render } from 'preact';
import { App } from './app';
import { engine } from './engine/engine';
import { followAddress } from './link';
import { followSystem, startEngine, theme } from './store';

followSystem();
followAddress();
effect(() => {
  document.documentElement.dataset.theme = theme.value;
});

const page = document.getElementById('page');
if (page) {
  page.replaceChildren();
  render(<App />, page);
}
void startEngine(engine);
