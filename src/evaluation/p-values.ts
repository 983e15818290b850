/** p-values for "the expected loss is above a limit", valid for any distribution of independent bounded losses and any number of them. */

/** How often each loss occurred among independent units. */
export type LossCounts = readonly (readonly [loss: number, count: number])[];

/** Shares of the largest bet, spaced as the arcsine law of Cover and Ordentlich's universal portfolio (1996): closer towards the ends. */
const bets = Array.from({ length: 19 }, (_, i) => Math.sin((Math.PI / 2) * ((i + 1) / 20)) ** 2);

/**
 * Hoeffding-Bentkus: of losses in [0, 1] (Angelopoulos et al., "Learn then Test", arXiv 2110.01052, proposition 1; Bates et al., arXiv
 * 2101.02703). With the mean loss r of n units,
 *
 *     p = min(exp(-n kl(min(r, limit), limit)), e P(Binomial(n, limit) <= ceil(n r)))
 *
 * @param limit in (0, 1)
 */
export function hoeffdingBentkus(losses: LossCounts, limit: number): number {
  const n = losses.reduce((sum, [, count]) => sum + count, 0);
  const total = losses.reduce((sum, [loss, count]) => sum + loss * count, 0);
  const hoeffding = Math.exp(-n * divergence(Math.min(total / n, limit), limit));
  // A sum of tenths is a whole number but for its rounding.
  const bentkus = Math.E * binomialAtMost(Math.ceil(total - 1e-9), n, limit);
  return Math.min(1, hoeffding, bentkus);
}

/** Between Bernoulli distributions of the means a and b. */
function divergence(a: number, b: number): number {
  const part = (x: number, y: number) => (x === 0 ? 0 : x * Math.log(x / y));
  return part(a, b) + part(1 - a, 1 - b);
}

/** P(Binomial(n, p) <= k). */
function binomialAtMost(k: number, n: number, p: number): number {
  const logs: number[] = [];
  let log = n * Math.log1p(-p);
  for (let i = 0; i <= Math.min(k, n); i++) {
    logs.push(log);
    log += Math.log((n - i) / (i + 1)) + Math.log(p / (1 - p));
  }
  const largest = Math.max(...logs);
  return Math.min(1, Math.exp(largest) * logs.reduce((sum, x) => sum + Math.exp(x - largest), 0));
}

/**
 * Betting: of losses in [-1, 1] (Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", arXiv 2010.09686, used
 * for the loss of early exit by Jazbec et al., "Fast yet Safe", arXiv 2405.20915). The capital
 *
 *     prod_i (1 + bet (limit - loss_i)),  0 <= bet < 1 / (1 - limit)
 *
 * of who bets that losses are below the limit grows by no more than 1 on average where they are not, and so does the mean over several
 * bets; by Markov's inequality 1 / capital is a p-value. Unlike theirs the bets are fixed and not adapted from unit to unit, so that the
 * order of the units does not matter. Rare losses tell soon: the variance need not be known.
 *
 * @param limit in (0, 1)
 */
export function betting(losses: LossCounts, limit: number): number {
  const logs = bets.map(part => {
    const bet = part / (1 - limit);
    return losses.reduce((sum, [loss, count]) => sum + count * Math.log1p(bet * (limit - loss)), 0);
  });
  const largest = Math.max(...logs);
  const capital = logs.reduce((sum, log) => sum + Math.exp(log - largest), 0) / bets.length;
  return Math.min(1, Math.exp(-largest) / capital);
}
