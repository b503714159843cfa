import { useEffect } from 'preact/hooks';
import { type LearnView, learnViews } from '../../model/learn-state';
import { state } from '../../store';
import { Choice } from '../../view/choice';
import { Trouble } from '../../view/trouble';
import { GradientView } from './gradient-view';
import { gradientTrouble, set, startLearn, trouble } from './learn-run';
import { TrainingView } from './training-view';
import '../../view/readings.css';
import './learn.css';

const names: Record<LearnView, string> = {
  upsampler: 'Train an upsampler',
  gradient: 'The gradient of a strided convolution',
};

const questions: Record<LearnView, string> = {
  upsampler:
    'Can training remove the pattern by itself? Two networks learn to double a picture, from the same patches and with the same steps. Only their first weights differ.',
  gradient:
    'Where else does the pattern come from? An ordinary convolution with a stride makes its picture smaller. What it sends back while it learns, the gradient of its input, is a transposed convolution.',
};

/** The pattern before, during and after training, and the same pattern in gradients. */
export function LearnStation() {
  useEffect(startLearn, []);
  const { learn } = state.value;
  return (
    <section class="station" id="learn" aria-labelledby="learn-title">
      <h2 id="learn-title">
        <span class="station-number">6</span> Learn
      </h2>
      <p class="standfirst">{questions[learn.view]}</p>
      <Choice
        legend="Show"
        name="learn-view"
        options={learnViews.map((value) => ({ value, label: names[value] }))}
        value={learn.view}
        onChoose={(view) => set({ view })}
      />
      <Trouble text={(learn.view === 'upsampler' ? trouble : gradientTrouble).value} />
      {learn.view === 'upsampler' ? <TrainingView learn={learn} /> : <GradientView learn={learn} />}
    </section>
  );
}
