//! The inputs of a target: its seeds as they are, and then damaged ones without end.

use crate::mutation;
use crate::random::Random;
use crate::seeds::Seeds;

/// What a target is fed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    Text(String),
    Bytes(Vec<u8>),
}

impl Input {
    /// As it is kept in a file.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// The inputs of one target.
#[derive(Debug)]
pub struct Inputs {
    seeds: Seeds,
    seed: u64,
}

impl Inputs {
    /// Two runs with the same seeds and the same number see the same inputs.
    pub fn new(seeds: Seeds, seed: u64) -> Self {
        Self { seeds, seed }
    }

    /// Input number `n`, from 0. The first ones are the seeds, whole.
    pub fn get(&self, n: u64) -> Input {
        let mut random = Random::new(Random::new(self.seed).next() ^ n.wrapping_mul(0xd6e8_feb8_6659_fd93));
        let whole = usize::try_from(n).unwrap_or(usize::MAX);
        match &self.seeds {
            Seeds::Text(seeds) => match seeds.get(whole) {
                Some(text) => Input::Text(text.clone()),
                None => Input::Text(mutation::text(seeds, &mut random)),
            },
            Seeds::Bytes(seeds) => match seeds.get(whole) {
                Some(bytes) => Input::Bytes(bytes.clone()),
                None => Input::Bytes(mutation::bytes(seeds, &mut random)),
            },
        }
    }

    /// How many inputs are seeds as they are.
    pub fn whole(&self) -> u64 {
        match &self.seeds {
            Seeds::Text(seeds) => seeds.len() as u64,
            Seeds::Bytes(seeds) => seeds.len() as u64,
        }
    }
}
