import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drawn, type Picture } from '../../../bench/draw/chart.ts';
import { latencyPicture } from '../../../bench/draw/latency.ts';
import { pacePicture } from '../../../bench/draw/pace.ts';
import { ratePicture } from '../../../bench/draw/rate.ts';
import type { Point } from '../../../bench/draw/series.ts';
import { describeInBrowser, startBrowser } from '../../support/browser.ts';

const text = (value: number) => `${value}`;
const across = { label: 'across', scale: 'linear', from: 0, to: 10, text } as const;
const picture = (more: Partial<Picture['panels'][number]> = {}): Picture => ({
  title: 'title',
  description: 'description',
  legend: [],
  panels: [{ title: 'panel', across, up: across, lines: [], ...more }],
});

/** What stands in an attribute `d` of a path with this class, one for each path. */
const paths = (svg: string, look: string) =>
  [...svg.matchAll(new RegExp(`<path class="${look}" d="([^"]*)"`, 'g'))].map(([, d = '']) => d);

/** As large as a run over ten million rows may become. */
const waits = Array.from({ length: 48_000 }, (_, i) => ({ at: i / 400, ms: 1 + (i % 977) ** 1.3 }));
const batches = Array.from({ length: 1_600 }, (_, i) => ({
  rows: 6_000 + (i % 700),
  seconds: 0.02 + (i % 40) / 500,
}));
const curve = batches.map((_, i) => ({ rows: i * 6_250, seconds: i / 30 }));
const large: Readonly<Record<string, string>> = {
  latency: latencyPicture([
    { what: 'Nothing runs', waits },
    { what: 'Plain UPDATEs of 5,000 rows, without a pause', waits },
    { what: 'A backfill, as it is by default', waits },
    { what: 'One single UPDATE', waits },
  ]),
  rate: ratePicture(curve, curve),
  pace: pacePicture(batches, 0.1),
};

describe('A picture', () => {
  it('has a line through all points, and a dot for each', () => {
    const points = [1, 2, 5, 9].map((x) => [x, 10 - x] as const);
    const svg = drawn(
      picture({
        lines: [
          { look: 'strong', points },
          { look: 'dots', points },
        ],
      }),
    );
    expect(paths(svg, 'strong')[0]?.match(/[ML]/g)).toHaveLength(4);
    expect(paths(svg, 'dots')[0]?.match(/h0/g)).toHaveLength(4);
  });

  it('draws what is larger higher, on a logarithmic axis as well', () => {
    for (const scale of ['linear', 'log'] as const) {
      const points = [1, 10, 100, 1_000].map((value, i) => [i, value] as const);
      const svg = drawn(picture({ up: { ...across, scale, from: 1 }, lines: [{ look: 'strong', points }] }));
      const heights = [...(paths(svg, 'strong')[0] ?? '').matchAll(/,([\d.]+)/g)].map(([, y]) => Number(y));
      expect(heights).toHaveLength(4);
      expect(heights).toEqual(heights.toSorted((a, b) => b - a));
      const [first = 0, second = 0, third = 0] = heights;
      expect(Math.abs(first - second - (second - third)) < 0.2, scale).toBe(scale === 'log');
    }
  });

  const odd: Readonly<Record<string, readonly Point[]>> = {
    'values that are none': [
      [Number.NaN, 1],
      [1, Number.NaN],
      [2, Number.POSITIVE_INFINITY],
      [3, 3],
    ],
    'zeros and negative values': [
      [0, 0],
      [1, -5],
    ],
    'one point': [[5, 5]],
    'no point': [],
  };
  it.each(Object.entries(odd))('never says NaN, Infinity or undefined, with %s', (_, points) => {
    for (const scale of ['linear', 'log'] as const) {
      const up = { ...across, scale, from: 1 };
      const looks = ['calm', 'strong', 'dots'] as const;
      const svg = drawn(picture({ up, lines: looks.map((look) => ({ look, points })) }));
      expect(svg).not.toMatch(/NaN|Infinity|undefined|null/);
    }
    const others = [
      latencyPicture([{ what: 'it', waits: points.map(([at, ms]) => ({ at, ms })) }]),
      latencyPicture([]),
      ratePicture(
        points.map(([rows, seconds]) => ({ rows, seconds })),
        [],
      ),
      pacePicture(
        points.map(([rows, seconds]) => ({ rows, seconds })),
        0.1,
      ),
    ];
    for (const svg of others) {
      expect(svg.replace(/<desc.*/, '')).not.toMatch(/NaN|Infinity|undefined|null/);
    }
  });

  it('says what it shows in text that can do nothing', () => {
    const hostile = `</text><script>alert("1")</script>'&\u202e`;
    const svg = drawn({
      title: hostile,
      description: hostile,
      legend: [{ look: 'calm', label: hostile }],
      panels: [
        {
          title: hostile,
          across: { ...across, label: hostile, text: () => hostile },
          up: { ...across, label: hostile, text: () => hostile },
          lines: [],
          mark: 5,
        },
      ],
    });
    expect(svg).not.toContain('<script');
    expect(svg).not.toContain('\u202e');
    expect(svg).not.toMatch(/&(?!#\d+;)/);
    expect(latencyPicture([{ what: hostile, waits: [] }])).not.toContain('<script');
  });

  it.each(Object.entries(large))('of %s takes a few tens of KB at most', (_, svg) => {
    expect(svg.length).toBeLessThan(40_000);
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('says in its description what it comes to', () => {
    expect(/<desc[^>]*>(.*?)<\/desc>/.exec(large.rate ?? '')?.[1]).toContain('187,500 rows per second');
    expect(/<desc[^>]*>(.*?)<\/desc>/.exec(large.pace ?? '')?.[1]).toBe(
      '1,600 batches; the longest statement took 98 ms, and may lock rows for 100 ms.',
    );
    expect(/<desc[^>]*>(.*?)<\/desc>/.exec(large.latency ?? '')?.[1]).toContain('One single UPDATE, 7.7 s');
  });
});

describeInBrowser('A picture in a browser', () => {
  let browser: Awaited<ReturnType<typeof startBrowser>>;
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser.close());

  it.each(Object.keys(large))(
    'of %s has a name, and no text of it leaves it or lies on another',
    async (name) => {
      for (const colorScheme of ['light', 'dark'] as const) {
        const page = await browser.newPage({ colorScheme, viewport: { width: 860, height: 600 } });
        // By itself it is XML, which has to be without a mistake.
        await page.goto(`data:image/svg+xml;base64,${Buffer.from(large[name] ?? '').toString('base64')}`);
        expect(await page.locator('parsererror').count()).toBe(0);
        expect(await page.getByRole('img', { name: /[a-z]+/ }).count()).toBe(1);
        const boxes = await Promise.all(
          (await page.locator('text').all()).map(async (each) => ({
            says: await each.textContent(),
            ...((await each.boundingBox()) as Box),
          })),
        );
        expect(boxes.length).toBeGreaterThan(10);
        const height = Number(await page.locator('svg').getAttribute('height'));
        const picture = { x: 0, y: 0, width: 860, height };
        expect(boxes.filter((box) => !isInside(box, picture))).toEqual([]);
        const onAnother = boxes.filter((box, i) => boxes.some((other, j) => j < i && overlap(box, other)));
        expect(onAnother).toEqual([]);
        const fill = async (selector: string) =>
          (await page.evaluate<string>(`getComputedStyle(document.querySelector('${selector}')).fill`))
            .match(/\d+/g)
            ?.map(Number) ?? [];
        expect(contrast(await fill('.ground'), await fill('.tick')), colorScheme).toBeGreaterThan(4.5);
        await page.close();
      }
    },
  );
});

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const isInside = (box: Box, around: Box): boolean =>
  box.x >= around.x &&
  box.y >= around.y &&
  box.x + box.width <= around.x + around.width &&
  box.y + box.height <= around.y + around.height;

/** A line of text is higher than its letters: of two below one another the boxes may touch. */
const overlap = (one: Box, other: Box): boolean =>
  one.x < other.x + other.width &&
  other.x < one.x + one.width &&
  one.y + 3 < other.y + other.height &&
  other.y + 3 < one.y + one.height;

/** How much two colours differ, as WCAG counts it: from 1 to 21. */
function contrast(...colours: readonly [readonly number[], readonly number[]]): number {
  const [light = 0, dark = 0] = colours
    .map((colour) => {
      const [r = 0, g = 0, b = 0] = colour.map((value) => {
        const part = value / 255;
        return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    })
    .sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}
