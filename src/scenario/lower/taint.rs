//! Taints of pools: those that stay, and those of new nodes only.

use super::pool::PoolReader;
use crate::cloud::identity::SPOT_KEY;
use crate::model::{Taint, TaintEffect};
use crate::scenario::code;
use crate::scenario::format::{At, Text};

impl PoolReader<'_, '_, '_> {
    /// `nodeTaints`, and what AKS adds to spot nodes.
    pub(super) fn taints(&mut self, spot: bool) -> Option<Vec<Taint>> {
        let mut taints = self.listed_taints(self.given.taints.as_ref())?;
        if spot {
            let key = self.lowering.tables.intern(SPOT_KEY);
            if !taints.iter().any(|taint| taint.key == key) {
                let value = self.lowering.tables.intern("spot");
                taints.push(Taint { key, value, effect: TaintEffect::NoSchedule });
            }
        }
        Some(taints)
    }

    /// `nodeInitializationTaints`
    pub(super) fn initialization_taints(&mut self) -> Option<Vec<Taint>> {
        self.listed_taints(self.given.initialization_taints.as_ref())
    }

    fn listed_taints(&mut self, given: Option<&At<Vec<Text>>>) -> Option<Vec<Taint>> {
        let mut taints = Vec::new();
        for text in given.into_iter().flat_map(|at| &at.value) {
            let Some((key, word, effect)) = split_taint(&text.0) else {
                let place = given.map_or(self.place, |at| at.span);
                let message = format!("`{}` is not a taint `key=value:Effect`", text.0);
                let label = "effects are NoSchedule, PreferNoSchedule and NoExecute";
                self.lowering.error(code::BAD_VALUE, message, place, label);
                return None;
            };
            let tables = &mut self.lowering.tables;
            taints.push(Taint { key: tables.intern(key), value: tables.intern(word), effect });
        }
        Some(taints)
    }
}

/// Key, value and effect of `key=value:Effect`; the value may be absent.
fn split_taint(text: &str) -> Option<(&str, &str, TaintEffect)> {
    let (pair, effect) = text.rsplit_once(':')?;
    let effect = match effect {
        "NoSchedule" => TaintEffect::NoSchedule,
        "PreferNoSchedule" => TaintEffect::PreferNoSchedule,
        "NoExecute" => TaintEffect::NoExecute,
        _ => return None,
    };
    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
    if key.is_empty() { None } else { Some((key, value, effect)) }
}
