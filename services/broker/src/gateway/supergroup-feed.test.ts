import fc from "fast-check";
import { expect, test } from "vitest";
import { SupergroupFeed } from "./supergroup-feed.js";

test("nothing is published before it is known how far the log reaches; what came meanwhile is not lost", () => {
  const feed = new SupergroupFeed("C");
  expect([feed.take(5, "5"), feed.take(7, "7"), feed.take(8, "8")].flat()).toEqual([]);
  expect(feed.begin(6)).toEqual(["7", "8"]);
  expect([feed.last, feed.hole]).toEqual([8, false]);
});

test("an entry without a frame is a hole until its frame comes", () => {
  const feed = new SupergroupFeed("C");
  feed.begin(3);
  expect(feed.take(4, "")).toEqual([]);
  expect(feed.hole).toBe(true);
  expect(feed.take(4, "4")).toEqual(["4"]);
  expect(feed.hole).toBe(false);
});

test("too many that came early are dropped and remembered as a hole", () => {
  const feed = new SupergroupFeed("C");
  feed.begin(0);
  for (let seq = 2; seq <= 1_000; seq++) feed.take(seq, String(seq));
  const first = feed.take(1, "1");
  expect(first.length).toBeLessThan(400);
  expect([feed.newest, feed.hole]).toEqual([1_000, true]);
});

test("whatever order and doubles: published is last + 1, each once", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 80 }), fc.integer({ min: 0, max: 5 }), (seqs, head) => {
      const feed = new SupergroupFeed("C");
      feed.begin(head);
      const published = seqs.flatMap((seq) => feed.take(seq, String(seq)));
      expect(published).toEqual(published.map((_, i) => String(head + 1 + i)));
      let reached = head;
      while (seqs.includes(reached + 1)) reached += 1;
      expect(feed.last).toBe(reached);
    }),
  );
});
