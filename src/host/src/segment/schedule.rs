//! Which pictures an epoch shows, and how fast it learns.

use crate::rng::Rng;

/// Probability of every domain to give the next picture.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Draw {
    /// Indices of the training pictures per domain.
    pools: Vec<Vec<usize>>,
    weight: Vec<f64>,
}

impl Draw {
    /// For pictures with these `domains`. A share `balance` of the draws is spread evenly over the domains, the rest follows
    /// their sizes.
    pub(crate) fn balanced(domains: &[usize], count: usize, balance: f64) -> Self {
        let pools = pools(domains, count);
        let filled = pools.iter().filter(|p| !p.is_empty()).count().max(1) as f64;
        let all = domains.len().max(1) as f64;
        let share = |p: &Vec<usize>| {
            if p.is_empty() { 0.0 } else { balance / filled + (1.0 - balance) * p.len() as f64 / all }
        };
        Self { weight: pools.iter().map(share).collect(), pools }
    }

    /// The weights of Eq. (2) for the decoder of `own`, as probabilities: its domain 1, every other one `others`.
    pub(crate) fn specialised(domains: &[usize], count: usize, own: usize, others: f64) -> Self {
        let pools = pools(domains, count);
        let weight = |(domain, pool): (usize, &Vec<usize>)| match (pool.is_empty(), domain == own) {
            (true, _) => 0.0,
            (false, true) => 1.0,
            (false, false) => others,
        };
        Self { weight: pools.iter().enumerate().map(weight).collect(), pools }
    }

    /// The same over a selection: position i of the domains stands for picture `chosen[i]`.
    pub(crate) fn over(mut self, chosen: &[usize]) -> Self {
        self.pools.iter_mut().flatten().for_each(|index| *index = chosen[*index]);
        self
    }

    /// `count` pictures. Within a domain every picture is shown once before any is shown again.
    pub(crate) fn pictures(&self, count: usize, rng: &mut Rng) -> Vec<usize> {
        let total: f64 = self.weight.iter().sum();
        let mut decks: Vec<Vec<usize>> = vec![Vec::new(); self.pools.len()];
        let mut chosen = Vec::with_capacity(count);
        while chosen.len() < count && total > 0.0 {
            let mut at = rng.unit() * total;
            let domain = self.weight.iter().position(|w| {
                at -= w;
                at < 0.0
            });
            let Some(domain) = domain.filter(|&d| !self.pools[d].is_empty()) else { continue };
            if decks[domain].is_empty() {
                decks[domain].clone_from(&self.pools[domain]);
                rng.shuffle(&mut decks[domain]);
            }
            chosen.extend(decks[domain].pop());
        }
        chosen
    }
}

fn pools(domains: &[usize], count: usize) -> Vec<Vec<usize>> {
    let of = |domain: usize| (0..domains.len()).filter(|&i| domains[i] == domain).collect();
    (0..count).map(of).collect()
}

/// Learning rate at `step` of `steps`: a linear rise over the first twentieth, then half a cosine down to a hundredth.
pub(crate) fn learning_rate(largest: f64, step: usize, steps: usize) -> f64 {
    const RISE: f64 = 0.05;
    const LEAST: f64 = 0.01;
    let at = (step as f64 + 0.5) / steps.max(1) as f64;
    if at < RISE {
        return largest * at / RISE;
    }
    let cosine = 0.5 * (1.0 + (std::f64::consts::PI * (at - RISE) / (1.0 - RISE)).cos());
    largest * (LEAST + (1.0 - LEAST) * cosine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_follow_their_weights() {
        let domains = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1];
        let share = |draw: Draw| {
            let pictures = draw.pictures(20_000, &mut Rng::new(3));
            pictures.iter().filter(|&&p| p >= 8).count() as f64 / 20_000.0
        };
        let cases = [
            (Draw::balanced(&domains, 2, 0.0), 0.2),
            (Draw::balanced(&domains, 2, 1.0), 0.5),
            (Draw::balanced(&domains, 3, 0.5), 0.35),
            (Draw::specialised(&domains, 2, 1, 0.0), 1.0),
            (Draw::specialised(&domains, 2, 0, 0.25), 0.2),
        ];
        for (draw, expected) in cases {
            let found = share(draw.clone());
            assert!((found - expected).abs() < 0.02, "{draw:?}: {found}");
        }
        assert!(Draw::balanced(&[], 2, 0.5).pictures(5, &mut Rng::new(1)).is_empty());
    }

    #[test]
    fn the_rate_rises_and_falls() {
        let rates: Vec<f64> = (0..100).map(|step| learning_rate(1.0, step, 100)).collect();
        assert!(rates[..5].is_sorted() && rates[5..].is_sorted_by(|a, b| a >= b));
        assert!(rates[5] > 0.98 && rates[99] < 0.02 && rates[99] > 0.0);
    }
}
