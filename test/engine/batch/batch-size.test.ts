import { describe, expect, it } from 'vitest';
import { measured, startPace, tooSlow } from '../../../functions/engine/batch/batch-size.ts';

const options = { targetSeconds: 0.5, restSeconds: undefined, maxRows: 10_000 };

describe('The pace', () => {
  it('begins carefully where nothing is known, and where it left off where something is', () => {
    expect(startPace(options, null).size).toBe(100);
    expect(startPace(options, 0.001).size).toBe(500);
    expect(startPace(options, 0.000001).size).toBe(10_000);
    expect(startPace(options, 60).size).toBe(1);
    expect(startPace({ ...options, maxRows: 7 }, null).size).toBe(7);
  });

  it('grows at most fourfold, however fast a batch was', () => {
    expect(measured(startPace(options, null), 100, 0.0001, 0).size).toBe(400);
    expect(measured(startPace(options, null), 100, 0, 0).size).toBe(400);
  });

  it('finds its target, and follows a change within a few batches', () => {
    let pace = startPace(options, null);
    for (let i = 0; i < 8; i += 1) {
      pace = measured(pace, pace.size, pace.size * 0.0005, 0);
    }
    expect(pace.size).toBe(1_000);
    for (let i = 0; i < 4; i += 1) {
      pace = measured(pace, pace.size, pace.size * 0.005, 0);
    }
    expect(pace.size).toBe(100);
    for (let i = 0; i < 12; i += 1) {
      pace = measured(pace, pace.size, pace.size * 0.0005, 0);
    }
    expect(pace.size).toBeGreaterThan(990);
  });

  it('counts a batch that just took too long in full', () => {
    const pace = startPace(options, 0.0001);
    expect(measured(pace, 5_000, 5, 0).size).toBe(500);
  });

  it('takes no more rows than a result page holds', () => {
    expect(measured(startPace(options, 0.0001), 5_000, 0.5, 15_000).size).toBe(100);
    expect(measured(startPace(options, 0.0001), 5_000, 0.5, 7_000_000).size).toBe(1);
  });

  it('learns nothing from an empty page', () => {
    const pace = startPace(options, 0.001);
    expect(measured(pace, 0, 3, 0)).toEqual(pace);
  });

  it('takes half at most after a batch that did not end, and at last one row', () => {
    let pace = startPace(options, 0.0001);
    pace = tooSlow(pace, pace.size, 45);
    expect(pace.size).toBe(55);
    for (let i = 0; i < 10; i += 1) {
      pace = tooSlow(pace, pace.size, 0.01);
    }
    expect(pace.size).toBe(1);
  });
});
