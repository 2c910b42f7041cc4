//! What a session weighs against a store's bounds.

use typed_sessions_core::store::Record;
use typed_sessions_core::{Error, Result};

/// How much a store holds.
///
/// moka has one capacity: a session weighs its bytes, but never so little that too many would fit.
///
/// moka is told a weight with some room above it, so that it need not hear of every byte. A session
/// is weighed anew when it has outgrown that, or takes less than half.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    max_bytes: u64,
    capacity: u64,
    /// What a session weighs at least.
    least: u64,
}

impl Bounds {
    /// For so many sessions, at least one, and so many bytes.
    pub(crate) fn new(max_sessions: u64, max_bytes: u64) -> Self {
        // Weights are `u32`, so a capacity that would need larger ones is cut.
        let capacity = max_bytes.min(max_sessions.saturating_mul(u32::MAX.into()));
        Self { max_bytes, capacity, least: capacity.div_ceil(max_sessions) }
    }

    /// All sessions together.
    pub(crate) fn capacity(&self) -> u64 {
        self.capacity
    }

    /// The bytes of a session that is not larger than the whole store; otherwise
    /// `ErrorKind::TooLarge`.
    pub(crate) fn admit(&self, record: &Record) -> Result<u64> {
        let (bytes, max_bytes) = (bytes(record), self.max_bytes);
        if bytes <= max_bytes {
            return Ok(bytes);
        }
        Err(Error::too_large(format!(
            "the session would take {bytes} bytes, `max_bytes` of the MemoryStore allows \
             {max_bytes} for all"
        )))
    }

    /// What a session of so many bytes weighs.
    pub(crate) fn weight(&self, bytes: u64) -> u32 {
        let with_room = bytes.saturating_add(bytes / 8);
        u32::try_from(with_room.min(self.capacity).max(self.least)).unwrap_or(u32::MAX)
    }

    /// What it has to weigh now that it takes so many bytes, unless this weight still does.
    pub(crate) fn other_weight(&self, weight: u32, bytes: u64) -> Option<u32> {
        let next = self.weight(bytes);
        let does = bytes.min(next.into()) <= weight.into() && weight / 2 <= next;
        (!does).then_some(next)
    }
}

/// What a session takes in memory, roughly: measured with small fields in `benches`.
fn bytes(record: &Record) -> u64 {
    const SESSION: usize = 700;
    const FIELD: usize = 80;
    let (fields, header) = (&record.fields, &record.header);
    // The index keeps the id once more.
    let user = header.user().map_or(0, |user| 2 * user.as_str().len());
    let device = header
        .device()
        .map_or(0, |device| device.label.len() + device.user_agent.as_ref().map_or(0, String::len));
    (SESSION + fields.len() * FIELD + fields.bytes() + user + device) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_weighed_anew_when_it_outgrows_its_weight_or_takes_less_than_half() {
        let bounds = Bounds::new(u64::MAX, 1 << 20);
        let weight = bounds.weight(8_000);
        assert_eq!(weight, 9_000);
        for bytes in [4_000, 7_999, 8_000, 8_001, 9_000] {
            assert_eq!(bounds.other_weight(weight, bytes), None, "{bytes} bytes");
        }
        assert_eq!(bounds.other_weight(weight, 9_008), Some(10_134));
        assert_eq!(bounds.other_weight(weight, 3_992), Some(4_491));
    }

    #[test]
    fn what_fits_is_never_heavier_than_the_store() {
        let bounds = Bounds::new(u64::MAX, 1_000);
        assert_eq!(bounds.weight(999), 1_000);
        assert_eq!(bounds.other_weight(1_000, 1_000), None);
    }

    #[test]
    fn a_store_for_a_few_sessions_counts_them() {
        let bounds = Bounds::new(10, u64::MAX);
        assert_eq!(bounds.capacity() / u64::from(bounds.weight(1)), 10);
        assert_eq!(bounds.other_weight(bounds.weight(1), 1 << 30), None);
    }

    #[test]
    fn what_is_larger_than_a_weight_can_be_is_not_weighed_again_and_again() {
        let bounds = Bounds::new(u64::MAX, u64::MAX);
        assert_eq!(bounds.weight(1 << 40), u32::MAX);
        assert_eq!(bounds.other_weight(u32::MAX, 1 << 40), None);
    }
}
