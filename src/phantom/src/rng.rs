//! A small deterministic generator of random numbers (xoshiro256++), so that a seed means the same phantom in every run.

/// xoshiro256++ (Blackman and Vigna 2019), seeded through SplitMix64. Not for cryptography.
#[derive(Debug, Clone)]
pub struct Rng {
    state: [u64; 4],
}

impl Rng {
    /// A generator whose whole sequence follows from `seed`.
    pub fn new(seed: u64) -> Self {
        let mut mixed = seed;
        let state = std::array::from_fn(|_| {
            mixed = mixed.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = mixed;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        });
        Self { state }
    }

    /// The next 64 random bits.
    pub fn bits(&mut self) -> u64 {
        let s = &mut self.state;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let shifted = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= shifted;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// Uniform in `[0, 1)`.
    pub fn unit(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1u64 << 24) as f32
    }

    /// Uniform in `[low, high)`; `low` where the two are equal.
    pub fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// A whole number in `low..=high`.
    pub fn int(&mut self, low: u32, high: u32) -> u32 {
        let span = u64::from(high.saturating_sub(low)) + 1;
        low + (self.bits() % span) as u32
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f32) -> bool {
        self.unit() < probability
    }

    /// Standard normal (Box and Muller).
    pub fn normal(&mut self) -> f32 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f32::consts::TAU * self.unit()).cos()
    }

    /// Normal with this mean and deviation, cut off at `spread` deviations so that one draw never leaves the plausible.
    pub fn around(&mut self, mean: f32, deviation: f32, spread: f32) -> f32 {
        mean + deviation * self.normal().clamp(-spread, spread)
    }
}

#[cfg(test)]
mod tests {
    use super::Rng;

    #[test]
    fn the_same_seed_repeats_and_another_differs() {
        let draw = |seed| (0..8).map(|_| ()).scan(Rng::new(seed), |rng, ()| Some(rng.bits())).collect::<Vec<_>>();
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let mut rng = Rng::new(1);
        let count = 100_000;
        let uniform: f32 = (0..count).map(|_| rng.unit()).sum::<f32>() / count as f32;
        let normals: Vec<f32> = (0..count).map(|_| rng.normal()).collect();
        let mean = normals.iter().sum::<f32>() / count as f32;
        let variance = normals.iter().map(|n| n * n).sum::<f32>() / count as f32;
        assert!((uniform - 0.5).abs() < 0.01 && mean.abs() < 0.02 && (variance - 1.0).abs() < 0.02);
    }
}
