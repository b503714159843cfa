import { describe, expect, it } from 'vitest';
import {
  advance,
  frameAt,
  isAtEnd,
  isMoving,
  isPlaying,
  pause,
  play,
  playback,
  rest,
  SECONDS_PER_STAMP,
  stepBack,
  stepForward,
  stillFrameAt,
  withTotal,
} from '../../web/demo/src/model/playback';

describe('the film', () => {
  it('plays to its end and rests there', () => {
    let film = play(playback(9));
    expect(isPlaying(film)).toBe(true);
    for (let i = 0; i < 1000 && isMoving(film); i++) film = advance(film, 1 / 60);
    expect(film.position).toBe(9);
    expect(isAtEnd(film)).toBe(true);
  });

  it('takes as long as it says, and half as long at double speed', () => {
    expect(advance(play(playback(9)), SECONDS_PER_STAMP).position).toBeCloseTo(1, 12);
    expect(advance(play(playback(9, 2)), SECONDS_PER_STAMP).position).toBeCloseTo(2, 12);
  });

  it('plays again from the start when it is at its end', () => {
    expect(play(rest(playback(9), 9)).position).toBe(0);
    expect(play(rest(playback(9), 4)).position).toBe(4);
  });

  it('rests on whole steps: a pause keeps what has landed', () => {
    const film = play(playback(9));
    expect(pause({ ...film, position: 3.4 }).position).toBe(3);
    expect(pause({ ...film, position: 3.95 }).position).toBe(4);
    expect(isMoving(pause({ ...film, position: 3.4 }))).toBe(false);
  });

  it('steps one stamp, and a second press does not wait for the first', () => {
    const once = stepForward(rest(playback(9), 2));
    expect(once).toMatchObject({ position: 2, target: 3 });
    expect(stepForward({ ...once, position: 2.5 })).toMatchObject({ position: 3, target: 4 });
    expect(stepForward(rest(playback(9), 9))).toMatchObject({ position: 9, target: 9 });
    expect(stepBack(rest(playback(9), 2)).position).toBe(1);
    expect(stepBack({ ...once, position: 2.5 }).position).toBe(2);
    expect(stepBack(playback(9)).position).toBe(0);
  });

  it('keeps its manner when its length changes', () => {
    expect(withTotal(rest(playback(9), 9), 16)).toMatchObject({ position: 16, target: 16 });
    expect(withTotal(rest(playback(9), 4), 16)).toMatchObject({ position: 0, target: 0 });
    expect(isPlaying(withTotal(play(playback(9)), 16))).toBe(true);
  });
});

describe('a frame', () => {
  it('never loses a stamp: what has landed only grows', () => {
    let landed = 0;
    for (let position = 0; position <= 9; position += 0.01) {
      const frame = frameAt(position);
      expect(frame.landed).toBeGreaterThanOrEqual(landed);
      expect(frame.landed - Math.floor(position)).toBeLessThanOrEqual(1);
      landed = frame.landed;
    }
  });

  it('starts a flight at the input and presses it down before the sums change', () => {
    expect(frameAt(0.001).flight?.travel).toBe(0);
    const late = frameAt(0.83);
    expect(late.landed).toBe(0);
    expect(late.flight).toMatchObject({ travel: 1 });
    expect(frameAt(0.85).landed).toBe(1);
    expect(frameAt(0.85).flight?.height).toBe(0);
  });

  it('holds still where motion is not wanted', () => {
    expect(stillFrameAt(3.7)).toEqual({ landed: 3, flight: null });
  });
});
