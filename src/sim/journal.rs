//! Lines of the journal.

use crate::record::{Actor, Entry, JournalLevel, Object};
use crate::sim::world::World;

impl World<'_> {
    /// A decision or a refusal. The sentence is made only if the journal keeps it.
    pub fn note(
        &mut self,
        actor: Actor,
        action: &'static str,
        object: Object,
        reason: &'static str,
        change: Option<(i64, i64)>,
        detail: impl FnOnce() -> String,
    ) {
        if self.record.journal.level >= JournalLevel::Decisions {
            let detail = detail();
            let at = self.now;
            self.record.journal.entries.push(Entry {
                at,
                actor,
                action,
                object,
                reason,
                change,
                detail,
            });
        }
    }

    /// One step of a pod or node, kept only at the highest level.
    pub fn note_step(&mut self, actor: Actor, action: &'static str, object: Object) {
        if self.record.journal.level >= JournalLevel::All {
            self.note(actor, action, object, "", None, String::new);
        }
    }
}
