//! Writing evidence: one writer a directory, a file a day, resumed after any end.

use std::fs::File;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rustix::fs::{FlockOperation, flock};

use super::summary::Tally;
use super::{DaySummary, Entry, EvidenceError, Header, SlotRecord, day_of, files};
use crate::chain::{self, Appender, ChainError, Head};

/// The directory's only writer.
#[derive(Debug)]
pub(crate) struct Recorder {
    dir: PathBuf,
    header: Header,
    file: Appender,
    day: Date,
    tally: Tally,
    last_slot: Option<u64>,
    /// Held while this lives.
    _lock: File,
}

/// How recording began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Started {
    /// Last slot that was recorded before.
    pub(crate) last_slot: Option<u64>,
    /// Whether a torn last line was cut.
    pub(crate) was_torn: bool,
}

/// The day of a time, UTC.
fn day(time: u64) -> Date {
    i64::try_from(time)
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .map_or(Date::MAX, |time| time.to_zoned(TimeZone::UTC).date())
}

fn file_of(dir: &Path, day: Date) -> PathBuf {
    dir.join(format!("evidence-{day}.jsonl"))
}

fn begin(dir: &Path, day: Date, head: Head, header: &Header) -> Result<Appender, EvidenceError> {
    let mut file = Appender::create(&file_of(dir, day), head)?;
    file.append(&Entry::Header(Box::new(header.clone())))?;
    Ok(file)
}

impl Recorder {
    /// Opens a directory, made if it is not there, at `now` (Unix seconds). What it holds is checked whole and must be about the same.
    ///
    /// # Errors
    /// [`EvidenceError`]; nothing is changed but a torn last line.
    pub(crate) fn open(dir: &Path, header: Header, now: u64) -> Result<(Self, Started), EvidenceError> {
        let io = ChainError::io(dir);
        std::fs::create_dir_all(dir).map_err(&io)?;
        let lock = File::create(dir.join("watch.lock")).map_err(&io)?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| EvidenceError::Locked { path: dir.to_owned() })?;
        let mut last_slot = None;
        let known = match files(dir) {
            Err(EvidenceError::Missing { .. }) => None,
            Err(error) => return Err(error),
            // A lone file without a whole line is an end before the first header.
            Ok(_) => match super::read(dir, |_, _, record| last_slot = Some(record.slot)) {
                Err(EvidenceError::Missing { .. }) => Some(None),
                known => Some(Some(known?)),
            },
        };
        let Some(known) = known else {
            let day = day(now);
            let recorder = Self {
                file: begin(dir, day, Head::default(), &header)?,
                dir: dir.to_owned(),
                header,
                day,
                tally: Tally::default(),
                last_slot,
                _lock: lock,
            };
            let was_torn = false;
            return Ok((recorder, Started { last_slot, was_torn }));
        };
        if known.is_some_and(|known| !known.header.is_continued_by(&header)) {
            return Err(EvidenceError::OtherSubject { path: dir.to_owned() });
        }
        let (mut recorder, was_torn) = Self::resume(dir, header, lock)?;
        recorder.last_slot = last_slot;
        recorder.turn_to(day(now))?;
        let watcher = recorder.header.watcher.clone();
        recorder.file.append(&Entry::Resumed {
            time: now,
            watcher,
            was_torn,
        })?;
        Ok((recorder, Started { last_slot, was_torn }))
    }

    /// Opens the last file, whose chain has been checked.
    fn resume(dir: &Path, header: Header, lock: File) -> Result<(Self, bool), EvidenceError> {
        let list = files(dir)?;
        let missing = || EvidenceError::Missing { path: dir.to_owned() };
        let (path, earlier) = list.split_last().ok_or_else(missing)?;
        let day = day_of(path).ok_or_else(missing)?;
        let mut head = Head::default();
        for file in earlier {
            head = chain::read::<Entry>(file, head, |_, _| ())?;
        }
        let mut tally = Tally::default();
        let (mut has_header, mut is_over) = (false, false);
        let (file, was_torn) = Appender::resume::<Entry>(path, head, |_, entry| match entry {
            Entry::Slot(record) => tally.add(&record),
            Entry::Header(_) => has_header = true,
            Entry::Day(_) => is_over = true,
            Entry::Resumed { .. } => {}
        })?;
        let mut recorder = Self {
            dir: dir.to_owned(),
            header,
            file,
            day,
            tally,
            last_slot: None,
            _lock: lock,
        };
        if !has_header {
            let header = Box::new(recorder.header.clone());
            recorder.file.append(&Entry::Header(header))?;
        }
        if is_over {
            // The end came between a day's summary and the next day's file.
            recorder.tally.close(day);
            recorder.day = day.tomorrow().unwrap_or(day);
            recorder.file = begin(
                &recorder.dir,
                recorder.day,
                recorder.file.head(),
                &recorder.header,
            )?;
        }
        Ok((recorder, was_torn))
    }

    /// Ends the day's file if another day has begun. A clock that goes back changes nothing.
    fn turn_to(&mut self, day: Date) -> Result<Option<DaySummary>, EvidenceError> {
        if day <= self.day {
            return Ok(None);
        }
        let summary = self.tally.close(self.day);
        self.file.append(&Entry::Day(summary.clone()))?;
        self.file = begin(&self.dir, day, self.file.head(), &self.header)?;
        self.day = day;
        Ok(Some(summary))
    }

    /// Writes a slot down; it is on disk when this returns. Gives the summary of the day before with the first record of a day.
    ///
    /// # Errors
    /// [`EvidenceError`]: [`EvidenceError::Order`] for a slot that is not later than the last.
    pub(crate) fn append(&mut self, record: &SlotRecord) -> Result<Option<DaySummary>, EvidenceError> {
        let slot = record.slot;
        if let Some(last) = self.last_slot.filter(|last| *last >= slot) {
            let path = file_of(&self.dir, self.day);
            return Err(EvidenceError::Order { path, slot, last });
        }
        let summary = self.turn_to(day(record.time))?;
        self.file.append(&Entry::Slot(Box::new(record.clone())))?;
        self.tally.add(record);
        self.last_slot = Some(slot);
        Ok(summary)
    }

    /// Hash of the last line.
    pub(crate) const fn head(&self) -> Head {
        self.file.head()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{header, record};

    const DAY: u64 = 86_400;

    fn slots(path: &Path) -> Vec<u64> {
        let mut list = Vec::new();
        super::super::read(path, |_, _, record| list.push(record.slot)).unwrap();
        list
    }

    fn at(slot: u64, time: u64) -> SlotRecord {
        SlotRecord { time, ..record(slot) }
    }

    #[test]
    fn a_day_is_a_file_and_ends_with_its_summary() {
        let dir = tempfile::tempdir().unwrap();
        let (mut recorder, started) = Recorder::open(dir.path(), header(), DAY - 10).unwrap();
        let fresh = Started {
            last_slot: None,
            was_torn: false,
        };
        assert_eq!(started, fresh);
        assert_eq!(recorder.append(&at(1, DAY - 5)).unwrap(), None);
        assert_eq!(recorder.append(&at(2, DAY - 1)).unwrap(), None);
        let summary = recorder.append(&at(3, DAY)).unwrap().unwrap();
        assert_eq!(
            (summary.date.as_str(), summary.slots, summary.blocks),
            ("1970-01-01", 2, 1)
        );
        let line = summary.line();
        assert!(line.contains("slots 1 to 2, 2 recorded (0 incomplete)"), "{line}");
        assert_eq!(slots(dir.path()), [1, 2, 3]);
        let checked = super::super::read(dir.path(), |_, _, _| ()).unwrap();
        assert_eq!(
            checked.files,
            ["evidence-1970-01-01.jsonl", "evidence-1970-01-02.jsonl"]
        );
        assert_eq!(checked.head, recorder.head());
        let second = dir.path().join("evidence-1970-01-02.jsonl");
        assert_eq!(slots(&second), [3], "a file can be read alone");
    }

    #[test]
    fn a_watcher_goes_on_where_the_last_one_was_killed() {
        let dir = tempfile::tempdir().unwrap();
        let (mut recorder, _) = Recorder::open(dir.path(), header(), 10).unwrap();
        recorder.append(&record(1)).unwrap();
        recorder.append(&record(2)).unwrap();
        drop(recorder);
        let path = dir.path().join("evidence-1970-01-01.jsonl");
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 7]).unwrap();
        let (mut recorder, started) = Recorder::open(dir.path(), header(), 20).unwrap();
        let resumed = Started {
            last_slot: Some(1),
            was_torn: true,
        };
        assert_eq!(started, resumed);
        assert!(matches!(
            recorder.append(&record(1)),
            Err(EvidenceError::Order { .. })
        ));
        recorder.append(&record(2)).unwrap();
        drop(recorder);
        let mut newer = header();
        newer.watcher = "9.9.9".to_owned();
        newer
            .code_hashes
            .insert("Rollup/2".to_owned(), agoge_protocol::B256::ZERO);
        let (mut recorder, _) = Recorder::open(dir.path(), newer, 3 * DAY).unwrap();
        recorder.append(&at(9, 3 * DAY)).unwrap();
        assert_eq!(slots(dir.path()), [1, 2, 9]);
    }

    #[test]
    fn a_kill_at_any_byte_of_a_new_day_is_survived() {
        let dir = tempfile::tempdir().unwrap();
        let (mut recorder, _) = Recorder::open(dir.path(), header(), 10).unwrap();
        recorder.append(&record(1)).unwrap();
        recorder.append(&at(2, DAY)).unwrap();
        drop(recorder);
        let second = dir.path().join("evidence-1970-01-02.jsonl");
        let whole = std::fs::read(&second).unwrap();
        for length in [0, 1, 50, whole.len() / 2, whole.len() - 1] {
            std::fs::write(&second, &whole[..length]).unwrap();
            let (mut recorder, _) = Recorder::open(dir.path(), header(), DAY + 1).unwrap();
            recorder.append(&at(7, DAY + 2)).unwrap();
            assert_eq!(slots(dir.path()).last(), Some(&7), "killed after {length} bytes");
        }
        std::fs::remove_file(&second).unwrap();
        let (mut recorder, _) = Recorder::open(dir.path(), header(), DAY + 1).unwrap();
        recorder.append(&at(8, DAY + 2)).unwrap();
        assert_eq!(slots(dir.path()), [1, 8], "killed between the days");
    }

    #[test]
    fn a_kill_before_the_first_header_is_survived() {
        for length in [0, 30] {
            let dir = tempfile::tempdir().unwrap();
            let (recorder, _) = Recorder::open(dir.path(), header(), 10).unwrap();
            drop(recorder);
            let path = dir.path().join("evidence-1970-01-01.jsonl");
            let whole = std::fs::read(&path).unwrap();
            std::fs::write(&path, &whole[..length]).unwrap();
            let (mut recorder, _) = Recorder::open(dir.path(), header(), 11).unwrap();
            recorder.append(&record(1)).unwrap();
            assert_eq!(slots(dir.path()), [1]);
        }
    }

    #[test]
    fn another_network_a_second_writer_and_tampering_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (mut recorder, _) = Recorder::open(dir.path(), header(), 10).unwrap();
        assert!(matches!(
            Recorder::open(dir.path(), header(), 10),
            Err(EvidenceError::Locked { .. })
        ));
        recorder.append(&record(1)).unwrap();
        recorder.append(&record(2)).unwrap();
        drop(recorder);
        let mut contracts = header().code_hashes;
        contracts.insert("Rollup/1".to_owned(), agoge_protocol::B256::ZERO);
        for other in [
            Header {
                genesis_time: 1,
                ..header()
            },
            Header {
                code_hashes: contracts,
                ..header()
            },
            Header {
                nodes: Vec::new(),
                ..header()
            },
        ] {
            assert!(matches!(
                Recorder::open(dir.path(), other, 10),
                Err(EvidenceError::OtherSubject { .. })
            ));
        }
        let path = dir.path().join("evidence-1970-01-01.jsonl");
        let text = std::fs::read_to_string(&path)
            .unwrap()
            .replacen("\"pending\":1", "\"pending\":2", 1);
        std::fs::write(&path, &text).unwrap();
        let error = Recorder::open(dir.path(), header(), 10).unwrap_err();
        assert!(error.to_string().contains("line 3"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
}
