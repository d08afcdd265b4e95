//! standin
use crate::model::*; use crate::unit::*;
pub enum Eviction { Allowed { budget: Option<DisruptionBudgetId> }, Refused }
pub fn eviction(c: &Cluster, b: &[DisruptionBudgetId], _pod: PodId, _ready: bool) -> Eviction { match b.first() { None => Eviction::Allowed { budget: None }, Some(&b) if c.budgets[b].allowed > 0 => Eviction::Allowed { budget: Some(b) }, _ => Eviction::Refused } }
