//! `inject.upgrade`: a pool gets a new version or node image.

use super::lowering::{Lowering, value};
use crate::control::node::{Undrainable, UpgradeSpec};
use crate::plan::InjectKind;
use crate::rules::IntOrPercent;
use crate::scenario::code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::format::{
    At, Count, Injection, Text, UndrainableName, Upgrade, UpgradeSettings,
};
use crate::unit::{Duration, PoolId};

/// `drainTimeoutInMinutes` by default (azure-aks-docs `upgrade-options.md`).
const DRAIN_TIMEOUT: Duration = Duration::from_mins(30);

impl Lowering<'_, '_> {
    /// An upgrade: what the event does not say, the pool's `upgradeSettings` do.
    pub fn upgrade(&mut self, event: &Upgrade, given: &At<Injection>) -> Option<InjectKind> {
        let pool = self.named_pool(event.pool.as_ref()?)?;
        let own = self.upgrade_settings(pool);
        let own = own.unwrap_or_default();
        let either =
            |event: &Option<At<Text>>, own: &Option<At<Text>>| event.clone().or(own.clone());
        let missing = either(&event.max_unavailable, &own.max_unavailable);
        let minutes = |event: &Option<At<Count>>, own: &Option<At<Count>>| {
            let count = value(event).or(value(own))?.0;
            Some(Duration::from_mins(u64::from(count)))
        };
        let surge = self.int_or_percent(event.max_surge.as_ref());
        let none = IntOrPercent::Int(0);
        let behaviour = value(&event.undrainable).or(value(&own.undrainable));
        let spec = UpgradeSpec {
            max_surge: surge.unwrap_or(self.pools[pool].max_surge),
            max_unavailable: self.int_or_percent(missing.as_ref()).unwrap_or(none),
            drain_timeout: minutes(&event.drain_timeout, &own.drain_timeout)
                .unwrap_or(DRAIN_TIMEOUT),
            soak: minutes(&event.soak, &own.soak).unwrap_or(Duration::ZERO),
            undrainable: match behaviour {
                Some(UndrainableName::Cordon) => Undrainable::Cordon,
                Some(UndrainableName::Schedule) | None => Undrainable::Schedule,
            },
        };
        let zero = |share: IntOrPercent| share.of_rounded_up(100) == 0;
        let contradiction = if zero(spec.max_surge) && zero(spec.max_unavailable) {
            Some("`maxSurge` and `maxUnavailable` must not both be 0")
        } else if self.pools[pool].system && !zero(spec.max_unavailable) {
            Some("AKS allows `maxUnavailable` on user pools only")
        } else {
            None
        };
        if let Some(message) = contradiction {
            self.report(Diagnostic::error(code::CONTRADICTION, message).at(given.span, ""));
            return None;
        }
        Some(InjectKind::Upgrade { pool, spec })
    }

    fn upgrade_settings(&self, pool: PoolId) -> Option<UpgradeSettings> {
        let cluster = value(&self.scenario.cluster)?;
        let name = self.tables.symbols.text(self.pools[pool].name);
        let mut pools = value(&cluster.pools)?.iter();
        let named = |given: &&At<crate::scenario::format::Pool>| {
            value(&given.value.name).is_some_and(|given| given.0 == name)
        };
        value(&pools.find(named)?.value.upgrade).cloned()
    }
}
