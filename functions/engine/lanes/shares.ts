// Lanes that take ranges of equal size end together only if all rows cost the same: the last range taken may be begun when all others are
// through. So ranges get smaller towards the end, as in guided self-scheduling (Polychronopoulos and Kuck, IEEE Transactions on
// Computers 36, 1987): each has half a lane's share of what is left. The first ones are bounded too, as expensive rows may be among them.

/** A lane has at least this many ranges of the largest size. */
const perLane = 8;
/** No range is smaller than a lane's share divided by this. */
const smallestPerLane = 32;
/** Nor has it fewer batches than this: the last page of a range is half empty on average. */
const leastBatches = 2;

/**
 * Which shares of the rows ranges are to have, in the order of their keys: fractions of 1, which add up to it.
 *
 * @param lanes How many of them are walked at once.
 * @param batches How many batches all of it is.
 */
export function sharesOf(lanes: number, batches: number): readonly number[] {
  const most = 1 / (perLane * lanes);
  const least = Math.min(1, Math.max(leastBatches / batches, 1 / (smallestPerLane * lanes)));
  const shares: number[] = [];
  let left = 1;
  while (left > 0) {
    const share = Math.max(least, Math.min(most, left / (2 * lanes)));
    // What would be left over, too little for a range of its own, the last one takes.
    const taken = left - share < least ? left : share;
    shares.push(taken);
    left -= taken;
  }
  return shares;
}
