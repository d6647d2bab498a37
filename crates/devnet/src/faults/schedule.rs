//! Which faults a run has: drawn from its seed, or read from the record of another run.

use std::path::Path;

use agoge_protocol::keccak256;
use clap::ValueEnum;
use eyre::{Context, Result, bail, ensure};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::proxy::Behaviour;

/// A fault and when it happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Slot in which it begins, counted from the run's first one.
    pub at_slot: u64,
    /// Milliseconds into that slot.
    pub offset_ms: u64,
    /// How long it lasts.
    pub slots: u64,
    /// What happens, and to whom.
    #[serde(flatten)]
    pub what: What,
}

/// What happens. Nodes are the numbers of validator processes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum What {
    /// SIGKILL, all at once; they start again when the time is over.
    Kill {
        /// Whom.
        nodes: Vec<usize>,
    },
    /// SIGSTOP, then SIGCONT.
    Pause {
        /// Whom.
        nodes: Vec<usize>,
    },
    /// Their L1 endpoint misbehaves.
    Endpoint {
        /// Whose.
        nodes: Vec<usize>,
        /// How.
        behaviour: Behaviour,
    },
    /// L1 replaces its last blocks by empty ones.
    Reorg {
        /// How many.
        depth: u64,
    },
    /// A prover is paused: it keeps its claim and delivers nothing.
    Prover {
        /// Which.
        prover: usize,
    },
}

/// Kinds of faults, as `--faults` names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Kind {
    /// kill -9 of a share of the processes, then their restart.
    Kill,
    /// A process stands still (SIGSTOP), then goes on.
    Pause,
    /// L1 replaces its last blocks.
    Reorg,
    /// A node's L1 RPC and beacon API misbehave.
    L1,
    /// A prover falls silent.
    Prover,
}

/// What faults are drawn from.
#[derive(Clone, Debug)]
pub struct Wishes {
    /// Kinds; each happens once a round.
    pub kinds: Vec<Kind>,
    /// Rounds in the run.
    pub rounds: u64,
    /// Processes killed at once, of a hundred; at least one process.
    pub kill_percent: u64,
    /// Most L1 blocks that a reorg replaces.
    pub reorg_depth_max: u64,
}

/// The run that faults happen in.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// Slots of the run.
    pub slots: u64,
    /// Slots of an epoch.
    pub epoch_slots: u64,
    /// Milliseconds of a slot.
    pub slot_ms: u64,
    /// Validator processes.
    pub nodes: usize,
    /// Provers.
    pub provers: usize,
}

impl Frame {
    /// Slots in which faults begin: half an epoch after the start; at the end two epochs, or a quarter of a short run, remain without.
    const fn window(&self) -> (u64, u64) {
        let quiet = self.slots.div_ceil(4);
        let two_epochs = self.epoch_slots.saturating_mul(2);
        let tail = if two_epochs < quiet { two_epochs } else { quiet };
        (self.epoch_slots.div_euclid(2), self.slots.saturating_sub(tail))
    }
}

/// Draws a schedule; equal seeds, wishes and frames give equal schedules.
///
/// # Errors
/// A wish that does not fit the frame.
pub fn draw(seed: &str, wishes: &Wishes, frame: Frame) -> Result<Vec<Fault>> {
    if wishes.kinds.is_empty() {
        return Ok(Vec::new());
    }
    let (first, end) = frame.window();
    let round = end
        .saturating_sub(first)
        .checked_div(wishes.rounds)
        .unwrap_or_default();
    ensure!(
        round >= 1,
        "--rounds {}: faults may begin in slots {first} to {end} of the run only; hint: more --epochs or fewer rounds",
        wishes.rounds
    );
    if wishes.kinds.contains(&Kind::Prover) && frame.provers == 0 {
        bail!("--faults prover: there is no prover; hint: --provers 1");
    }
    let mut rng = ChaCha8Rng::from_seed(keccak256(format!("agoge devnet faults {seed:?}")).0);
    let mut faults = Vec::new();
    for number in 0..wishes.rounds {
        for kind in &wishes.kinds {
            let (what, slots) = draw_one(*kind, wishes, frame, &mut rng);
            let into = rng.gen_range(0..round.div_ceil(2));
            faults.push(Fault {
                at_slot: first
                    .saturating_add(round.saturating_mul(number))
                    .saturating_add(into),
                offset_ms: rng.gen_range(0..frame.slot_ms.max(1)),
                slots,
                what,
            });
        }
    }
    faults.sort_by_key(|fault| (fault.at_slot, fault.offset_ms));
    Ok(faults)
}

fn draw_one(kind: Kind, wishes: &Wishes, frame: Frame, rng: &mut ChaCha8Rng) -> (What, u64) {
    let mut all: Vec<usize> = (0..frame.nodes).collect();
    all.shuffle(rng);
    let one = all.iter().copied().take(1).collect();
    match kind {
        Kind::Kill => {
            let percent = usize::try_from(wishes.kill_percent.min(100)).unwrap_or(100);
            let count = frame.nodes.saturating_mul(percent).div_euclid(100).max(1);
            all.truncate(count);
            (What::Kill { nodes: all }, rng.gen_range(0..=4))
        }
        Kind::Pause => (What::Pause { nodes: one }, rng.gen_range(1..=3)),
        Kind::L1 => {
            let behaviour = BEHAVIOURS.choose(rng).copied().unwrap_or_default();
            let what = What::Endpoint {
                nodes: one,
                behaviour,
            };
            (what, rng.gen_range(2..=6))
        }
        Kind::Reorg => {
            let depth = rng.gen_range(1..=wishes.reorg_depth_max.max(1));
            (What::Reorg { depth }, 0)
        }
        Kind::Prover => {
            let prover = rng.gen_range(0..frame.provers.max(1));
            (What::Prover { prover }, frame.epoch_slots.div_euclid(2).max(1))
        }
    }
}

/// What `--faults l1` draws from.
const BEHAVIOURS: [Behaviour; 10] = [
    Behaviour::Delay { ms: 1_500 },
    Behaviour::Refuse,
    Behaviour::Hang,
    Behaviour::Cut,
    Behaviour::Garble,
    Behaviour::Truncate,
    Behaviour::RateLimit { seconds: 2 },
    Behaviour::Unavailable,
    Behaviour::Stale,
    Behaviour::Lie,
];

/// Reads the schedule of a recorded run; what it says of how the faults went is left aside.
///
/// # Errors
/// The line that is no fault, or a fault that the frame has no room for.
pub fn read(file: &Path, frame: Frame) -> Result<Vec<Fault>> {
    let text = std::fs::read_to_string(file).wrap_err_with(|| format!("--replay {}", file.display()))?;
    let mut faults = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let place = || format!("--replay {}, line {}", file.display(), number.saturating_add(1));
        let fault: Fault = serde_json::from_str(line).wrap_err_with(place)?;
        ensure!(
            fault.at_slot.saturating_add(fault.slots) < frame.slots,
            "{}: the fault ends in slot {}, the run has {}; hint: the flags of the recorded run are in its run.json",
            place(),
            fault.at_slot.saturating_add(fault.slots),
            frame.slots
        );
        let (found, limit) = match &fault.what {
            What::Kill { nodes } | What::Pause { nodes } | What::Endpoint { nodes, .. } => {
                (nodes.iter().max().copied(), frame.nodes)
            }
            What::Prover { prover } => (Some(*prover), frame.provers),
            What::Reorg { .. } => (None, 0),
        };
        if let Some(found) = found.filter(|found| *found >= limit) {
            bail!("{}: there is no number {found}, only {limit}", place());
        }
        faults.push(fault);
    }
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Frame = Frame {
        slots: 64,
        epoch_slots: 16,
        slot_ms: 4_000,
        nodes: 12,
        provers: 1,
    };

    fn wishes() -> Wishes {
        Wishes {
            kinds: Kind::value_variants().to_vec(),
            rounds: 3,
            kill_percent: 25,
            reorg_depth_max: 32,
        }
    }

    #[test]
    fn the_seed_decides_everything() {
        let drawn = draw("a", &wishes(), FRAME).unwrap();
        assert_eq!(drawn, draw("a", &wishes(), FRAME).unwrap());
        assert_ne!(drawn, draw("b", &wishes(), FRAME).unwrap());
        assert_eq!(drawn.len(), 15);
    }

    #[test]
    fn faults_leave_the_end_of_the_run_alone_and_name_who_is_there() {
        for seed in 0..200 {
            for fault in draw(&format!("{seed}"), &wishes(), FRAME).unwrap() {
                assert!((8..48).contains(&fault.at_slot), "{fault:?}");
                assert!(fault.offset_ms < 4_000);
                match fault.what {
                    What::Kill { nodes } => {
                        let distinct: std::collections::BTreeSet<_> = nodes.iter().collect();
                        assert_eq!((nodes.len(), distinct.len()), (3, 3));
                        assert!(nodes.iter().all(|node| *node < 12));
                    }
                    What::Pause { nodes } | What::Endpoint { nodes, .. } => {
                        assert!(nodes.len() == 1 && nodes[0] < 12);
                    }
                    What::Reorg { depth } => assert!((1..=32).contains(&depth)),
                    What::Prover { prover } => assert_eq!(prover, 0),
                }
            }
        }
    }

    #[test]
    fn a_record_is_read_back_whatever_else_it_says() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("faults.jsonl");
        let drawn = draw("a", &wishes(), FRAME).unwrap();
        let lines: Vec<String> = drawn
            .iter()
            .map(|fault| {
                let mut line = serde_json::to_value(fault).unwrap();
                line["began_unix_ms"] = 1.into();
                line.to_string()
            })
            .collect();
        std::fs::write(&file, lines.join("\n")).unwrap();
        assert_eq!(read(&file, FRAME).unwrap(), drawn);

        let error = read(&file, Frame { nodes: 2, ..FRAME }).unwrap_err().to_string();
        assert!(error.contains("there is no number"), "{error}");
        let error = read(&file, Frame { slots: 9, ..FRAME }).unwrap_err().to_string();
        assert!(error.contains("the run has 9"), "{error}");
        std::fs::write(&file, "{\"at_slot\": 1}").unwrap();
        let error = read(&file, FRAME).unwrap_err().to_string();
        assert!(error.contains("line 1"), "{error}");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let many = Wishes {
            rounds: 41,
            ..wishes()
        };
        assert!(draw("a", &many, FRAME).is_err());
        let none = Wishes {
            rounds: 0,
            ..wishes()
        };
        assert!(draw("a", &none, FRAME).is_err());
        assert!(draw("a", &wishes(), Frame { provers: 0, ..FRAME }).is_err());
    }
}
