//! Node pools: size, room, labels, taints, limits, times and price of each.

use super::cluster::{is_regional, subnet};
use super::lowering::{Lowering, value};
use super::spot::Buyer;
use super::tags::Template;
use crate::cloud::catalogue::{self, Arch, VmSize};
use crate::cloud::identity::{self, PoolIdentity};
use crate::cloud::{
    EvictionPolicy, OsDisk, OsType, PoolSpec, ScaleDownMode, VmSizeSpec, address, limits, price,
};
use crate::model::Labels;
use crate::rules::IntOrPercent;
use crate::rules::allocatable::{NodeSize, allocatable, capacity};
use crate::scenario::code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::format::{
    At, Cluster, OsDiskType, OsTypeName, OwnSize, Pool, PoolMode, PriorityName, ScaleDownModeName,
};
use crate::scenario::source::Span;
use crate::unit::{QuotaId, Resources, SubnetId, Symbol};

/// Name of the GPUs that NVIDIA's device plugin offers.
pub const GPU: &str = "nvidia.com/gpu";

const GIB: i64 = 1 << 30;

/// Reads all pools.
pub fn lower<'a>(lowering: &mut Lowering<'a, '_>, cluster: &'a Cluster, pools: &[At<Pool>]) {
    if let Some(at) = cluster.pools.as_ref().filter(|_| pools.is_empty()) {
        lowering.error(code::MISSING_KEY, "`agentPoolProfiles` is empty", at.span, "no pool");
    }
    for (index, pool) in pools.iter().enumerate() {
        let name = value(&pool.value.name);
        let twin = pools[..index].iter().find(|other| value(&other.value.name) == name);
        if let (Some(twin), Some(at)) = (twin, &pool.value.name) {
            lowering.report(
                Diagnostic::error(code::TWICE, format!("two pools are called `{}`", at.value.0))
                    .at(at.span, "the second one")
                    .at(twin.span, "the first one"),
            );
            continue;
        }
        if let Some(spec) =
            (PoolReader { lowering, cluster, given: &pool.value, place: pool.span }).read()
        {
            lowering.pools.push(spec);
        }
    }
}

/// A size of the catalogue or of the scenario.
pub(super) enum Size<'a> {
    Listed(&'static VmSize),
    Own(&'a str, &'a OwnSize),
}

/// Counts of a pool.
struct Counts {
    autoscaled: bool,
    count: u32,
    min: u32,
    max: u32,
}

/// What a node has.
struct Room {
    size: VmSizeSpec,
    capacity: Resources,
    allocatable: Resources,
    template: Resources,
    arch: Arch,
}

pub(super) struct PoolReader<'r, 'a, 'f> {
    pub(super) lowering: &'r mut Lowering<'a, 'f>,
    cluster: &'a Cluster,
    pub(super) given: &'r Pool,
    pub(super) place: Span,
}

impl<'a> PoolReader<'_, 'a, '_> {
    fn name(&self) -> &str {
        value(&self.given.name).map_or("", |name| &name.0)
    }

    pub(super) fn path(&self, key: &str) -> String {
        format!("cluster.agentPoolProfiles.{}.{key}", self.name())
    }

    fn read(mut self) -> Option<PoolSpec> {
        let name = self.given.name.as_ref()?.value.0.clone();
        // Whatever can be said of the pool is said before the first thing that stops its reading.
        let spot = value(&self.given.priority) == Some(&PriorityName::Spot);
        let (size, counts, taints) = (self.size(), self.counts(), self.taints(spot));
        let (size, counts) = (size?, counts?);
        let os = match value(&self.given.os) {
            Some(OsTypeName::Windows) => OsType::Windows,
            Some(OsTypeName::Linux) | None => OsType::Linux,
        };
        let (os_disk, os_disk_gib) = self.os_disk(&size);
        let max_pods = self.max_pods(&size)?;
        let (scale_down_mode, eviction_policy) = self.deallocation(spot, os_disk);
        let room = self.room(&size, os, os_disk_gib, max_pods)?;
        let location = value(&self.cluster.location).map_or("westeurope", |at| &at.0).to_owned();
        let zones = self.zones(&size, &location)?;
        let (labels, template_labels) = self.labels(&name, &room, os, os_disk, spot, &location);
        let taints = taints?;
        let mut template = Template { labels: template_labels, room: room.template };
        let (tags, annotations) = (self.tags(&mut template), self.annotations());
        let initialization_taints = self.initialization_taints()?;
        let max_surge = self.max_surge();
        let (subnet, pod_subnet) = self.subnets()?;
        let (rate, on_demand) = self.prices(&size, spot, os, &location)?;
        let times = self.lowering.pool_times(&name, os_disk, os, room.size.gpus)?;
        let most = self.spot_max_price();
        let buyer =
            Buyer { pool: &name, size: room.size.name, zones: &zones, list: rate, on_demand, most };
        let spot_market = if spot { self.lowering.spot_market(&buyer) } else { None };
        let group = identity::scale_set_name(self.lowering.cluster_name(), &name, os);
        Some(PoolSpec {
            name: self.lowering.tables.intern(&name),
            group_id: self.lowering.tables.intern(&group),
            system: value(&self.given.mode) == Some(&PoolMode::System),
            count: counts.count,
            autoscaled: counts.autoscaled,
            min: counts.min,
            max: counts.max,
            max_pods,
            max_surge,
            quotas: self.quotas(&size, spot),
            size: room.size,
            capacity: room.capacity,
            allocatable: room.allocatable,
            template_capacity: template.room,
            labels,
            template_labels: template.labels,
            taints,
            initialization_taints,
            zones,
            spot,
            eviction_policy,
            scale_down_mode,
            os_disk,
            image_gc: self.image_gc(),
            os,
            subnet,
            pod_subnet,
            tags,
            annotations,
            instance_limit: matches!(size, Size::Listed(_)).then_some(limits::SCALE_SET_INSTANCES),
            vm_provision: times.vm_provision,
            node_ready: times.node_ready,
            gpu_ready: times.gpu_ready,
            price: rate,
            price_on_demand: on_demand.unwrap_or(rate),
            disk_price: self.disk_price(os_disk, os_disk_gib, &size),
            spot_market,
        })
    }

    fn size(&mut self) -> Option<Size<'a>> {
        let given = self.given.vm_size.as_ref()?;
        let scenario = self.lowering.scenario;
        let own = value(&scenario.vm_sizes).and_then(|sizes| sizes.get_key_value(&given.value.0));
        if let Some((name, size)) = own {
            return Some(Size::Own(name, size));
        }
        match catalogue::find(&given.value.0) {
            Ok(size) => Some(Size::Listed(size)),
            Err(unknown) => {
                let near: Vec<_> = unknown.nearest.iter().map(|name| format!("`{name}`")).collect();
                let message = format!("no VM size `{}` in the catalogue", given.value.0);
                self.lowering.report(
                    Diagnostic::error(code::UNKNOWN_SIZE, message)
                        .at(given.span, "unknown size")
                        .help(format!("nearest: {}; or describe it in `vmSizes`", near.join(", "))),
                );
                None
            }
        }
    }

    fn counts(&mut self) -> Option<Counts> {
        let given = self.given;
        let (min, max) = (given.min.as_ref(), given.max.as_ref());
        let autoscaled = match value(&given.autoscaled) {
            Some(switch) => switch.0,
            None => min.is_some() && max.is_some(),
        };
        let limit = |at: Option<&At<crate::scenario::format::Count>>| at.map(|at| at.value.0);
        let fallback = if autoscaled { limit(min).unwrap_or(0) } else { 3 };
        let count = value(&given.count).map_or(fallback, |count| count.0);
        if given.count.is_none() {
            let source = if autoscaled { "minCount" } else { "az aks nodepool add --node-count" };
            self.lowering.assume(self.path("count"), count.to_string(), source);
        }
        if !autoscaled {
            return Some(Counts { autoscaled, count, min: count, max: count });
        }
        let (Some(min), Some(max)) = (min, max) else {
            let message = "an autoscaled pool needs `minCount` and `maxCount`";
            self.lowering.error(code::MISSING_KEY, message, self.place, "one is missing");
            return None;
        };
        let (least, most) = (min.value.0, max.value.0);
        if least > most {
            self.lowering.report(
                Diagnostic::error(
                    code::MIN_ABOVE_MAX,
                    format!("`minCount` {least} is above `maxCount` {most}"),
                )
                .at(min.span, "more than")
                .at(max.span, "this"),
            );
            return None;
        }
        if let Some(at) = given.count.as_ref().filter(|_| count < least || count > most) {
            self.lowering.report(
                Diagnostic::warning(
                    code::COUNT_OUTSIDE,
                    format!("`count` {count} is outside {least} to {most}"),
                )
                .at(at.span, "the pool starts here")
                .help("AKS refuses this; write a count between `minCount` and `maxCount`"),
            );
        }
        Some(Counts { autoscaled, count, min: least, max: most })
    }

    /// Whether VMs are stopped and kept: at a scale-down, and at an eviction of a spot VM. Azure
    /// deallocates no VM with an ephemeral OS disk (azure-aks-docs `scale-down-mode.md`).
    fn deallocation(&mut self, spot: bool, os_disk: OsDisk) -> (ScaleDownMode, EvictionPolicy) {
        let stops = |given: &Option<At<ScaleDownModeName>>| {
            let at = given.as_ref().filter(|at| at.value == ScaleDownModeName::Deallocate);
            at.map(|at| at.span)
        };
        let (down, evicted) =
            (stops(&self.given.scale_down_mode), stops(&self.given.eviction_policy));
        if let Some(place) = down.or(evicted).filter(|_| os_disk == OsDisk::Ephemeral) {
            let message = "a VM with an ephemeral OS disk cannot be deallocated";
            self.lowering.report(
                Diagnostic::error(code::BAD_VALUE, message)
                    .at(place, "AKS refuses this")
                    .help("write `osDiskType: Managed`; AKS takes an ephemeral disk where it fits"),
            );
        }
        if let Some(place) = evicted.filter(|_| !spot) {
            let message = "only a spot pool has `scaleSetEvictionPolicy`";
            let label = "without `scaleSetPriority: Spot`";
            self.lowering.error(code::BAD_VALUE, message, place, label);
        }
        (
            if down.is_some() { ScaleDownMode::Deallocate } else { ScaleDownMode::Delete },
            if evicted.is_some() { EvictionPolicy::Deallocate } else { EvictionPolicy::Delete },
        )
    }

    fn os_disk(&mut self, size: &Size<'_>) -> (OsDisk, u32) {
        let vcpus = match size {
            Size::Listed(size) => size.vcpus,
            Size::Own(_, own) => {
                value(&own.cpu).and_then(|cpu| cpu.0.units().ok()).unwrap_or(1) as u32
            }
        };
        let (default, default_gib) = match size {
            Size::Listed(size) => size.default_os_disk(),
            Size::Own(..) => (OsDisk::Managed, price::default_os_disk_gib(vcpus)),
        };
        let disk = match self.given.os_disk.as_ref() {
            Some(at) => match at.value {
                OsDiskType::Managed => OsDisk::Managed,
                OsDiskType::Ephemeral => {
                    self.check_ephemeral(size, at.span);
                    OsDisk::Ephemeral
                }
            },
            None => {
                let text = if default == OsDisk::Managed { "Managed" } else { "Ephemeral" };
                let source = "azure-aks-docs concepts-storage.md: ephemeral where it fits";
                self.lowering.assume(self.path("osDiskType"), text, source);
                default
            }
        };
        let gib = match value(&self.given.os_disk_size).map(|size| size.0).filter(|&gib| gib > 0) {
            Some(gib) => gib,
            None if disk == default => default_gib,
            None => price::default_os_disk_gib(vcpus),
        };
        (disk, gib)
    }

    fn check_ephemeral(&mut self, size: &Size<'_>, place: Span) {
        let Size::Listed(listed) = size else { return };
        let gib = value(&self.given.os_disk_size).map_or(0, |size| size.0);
        let known = listed.temp_disk_gib.max(listed.cache_disk_gib).is_some();
        if !listed.ephemeral_os || (known && !listed.fits_ephemeral_os(gib)) {
            let of = if gib > 0 { format!(" of {gib} GiB") } else { String::new() };
            let message = format!("`{}` has no room for an ephemeral OS disk{of}", listed.name);
            self.lowering.report(
                Diagnostic::warning(code::NO_EPHEMERAL, message)
                    .at(place, "AKS refuses this")
                    .help("write `Managed`, or take a size with a local disk"),
            );
        }
    }

    fn max_pods(&mut self, size: &Size<'_>) -> Option<u32> {
        if let Some(at) = &self.given.max_pods {
            let pods = at.value.0;
            let own = matches!(size, Size::Own(..));
            if !own && !(limits::MIN_MAX_PODS..=limits::MAX_PODS).contains(&pods) {
                let message = format!(
                    "`maxPods` must be from {} to {}",
                    limits::MIN_MAX_PODS,
                    limits::MAX_PODS
                );
                self.lowering.error(code::BAD_VALUE, message, at.span, "");
                return None;
            }
            return Some(pods);
        }
        if let Size::Own(_, own) = size
            && let Some(pods) = value(&own.max_pods)
        {
            return Some(pods.0);
        }
        let pods = address::default_max_pods(self.lowering.network.mode);
        let source = "azure-aks-docs quotas-skus-regions.md, by network mode";
        self.lowering.assume(self.path("maxPods"), pods.to_string(), source);
        Some(pods)
    }

    /// AKS release notes 2025-03-16: 10 % from Kubernetes 1.32, one node before.
    fn max_surge(&mut self) -> IntOrPercent {
        let own = value(&self.given.upgrade).and_then(|own| own.max_surge.as_ref());
        let default = match self.lowering.version.at_least(32) {
            true => IntOrPercent::Percent(10),
            false => IntOrPercent::Int(1),
        };
        self.lowering.int_or_percent(own).unwrap_or(default)
    }

    fn room(&mut self, size: &Size<'_>, os: OsType, gib: u32, max_pods: u32) -> Option<Room> {
        let disk = i64::from(gib) * GIB;
        let node = |cores, memory| NodeSize {
            version: self.lowering.version,
            cores,
            memory,
            disk,
            max_pods,
            windows: os == OsType::Windows,
        };
        match size {
            Size::Listed(size) => {
                let node = node(size.vcpus, size.memory_bytes);
                let mut room = Room {
                    size: VmSizeSpec {
                        name: self.lowering.tables.intern(&size.name),
                        vcpus: size.vcpus,
                        max_data_disks: size.max_data_disks,
                        gpus: size.gpus,
                    },
                    capacity: capacity(&node),
                    allocatable: allocatable(&node),
                    template: size.template_capacity(gib),
                    arch: size.arch,
                };
                if size.gpus > 0 {
                    self.add_extended(&mut room, GPU, i64::from(size.gpus));
                }
                Some(room)
            }
            Size::Own(name, own) => {
                let cores = u32::try_from(value(&own.cpu)?.0.milli().ok()? / 1_000).ok()?;
                let memory = value(&own.memory)?.0.units().ok()?;
                self.own_room(name, own, node(cores, memory))
            }
        }
    }

    fn own_room(&mut self, name: &str, own: &OwnSize, node: NodeSize) -> Option<Room> {
        let given = value(&own.allocatable);
        let mut free = allocatable(&node);
        let mut whole = capacity(&node);
        whole.cpu_milli = value(&own.cpu)?.0.milli().ok()?;
        for (key, amount) in given.into_iter().flatten() {
            match key.as_str() {
                "cpu" => free.cpu_milli = amount.0.milli().ok()?,
                "memory" => free.memory = amount.0.units().ok()?,
                "ephemeral-storage" => free.ephemeral = amount.0.units().ok()?,
                "pods" => free.pods = amount.0.units().ok()?,
                _ => {}
            }
        }
        // With its own allocatable a size has no surprise: the template of an empty pool is right.
        let template = if given.is_some() { free } else { Resources { pods: 110, ..whole } };
        let mut room = Room {
            size: VmSizeSpec {
                name: self.lowering.tables.intern(name),
                vcpus: node.cores,
                max_data_disks: value(&own.max_data_disks)
                    .map_or(8, |count| u16::try_from(count.0).unwrap_or(u16::MAX)),
                gpus: 0,
            },
            capacity: whole,
            allocatable: free,
            template,
            arch: Arch::Amd64,
        };
        for (key, amount) in value(&own.extended).into_iter().flatten() {
            let units = amount.0.units().ok()?;
            if key == GPU {
                room.size.gpus = u32::try_from(units).ok()?;
            }
            self.add_extended(&mut room, key, units);
        }
        Some(room)
    }

    fn add_extended(&mut self, room: &mut Room, name: &str, amount: i64) {
        let Some(id) = self.lowering.tables.extended(name) else {
            let message = format!("`{name}` is one kind of extended resource too many");
            self.lowering.error(code::TOO_COMPLEX, message, self.place, "at most 8");
            return;
        };
        for amounts in [&mut room.capacity, &mut room.allocatable, &mut room.template] {
            amounts.extended[usize::from(id.0)] = amount;
        }
    }

    fn zones(&mut self, size: &Size<'_>, location: &str) -> Option<Vec<Symbol>> {
        let offered = match size {
            Size::Listed(size) => size.zones(location),
            Size::Own(..) => None,
        };
        let mut zones = Vec::new();
        let Some(given) = &self.given.zones else { return Some(zones) };
        for zone in &given.value {
            let number = zone.0.rsplit('-').next().and_then(|digit| digit.parse::<u8>().ok());
            let Some(number) = number.filter(|number| (1..=3).contains(number)) else {
                let message = format!("no zone `{}`", zone.0);
                self.lowering.error(code::BAD_VALUE, message, given.span, "zones are 1, 2 and 3");
                return None;
            };
            if offered.as_ref().is_some_and(|offered| !offered.contains(&number)) {
                let message = format!("zone {number} of {location} does not offer this size");
                self.lowering.report(
                    Diagnostic::warning(code::ZONE_NOT_OFFERED, message)
                        .at(given.span, "as far as the catalogue knows"),
                );
            }
            let text = identity::zone_value(location, Some(&number.to_string()));
            zones.push(self.lowering.tables.intern(&text));
        }
        Some(zones)
    }

    fn labels(
        &mut self,
        name: &str,
        room: &Room,
        os: OsType,
        os_disk: OsDisk,
        spot: bool,
        location: &str,
    ) -> (Labels, Labels) {
        let cluster = self.lowering.cluster_name().to_owned();
        let group = format!("MC_{cluster}_{cluster}_{location}");
        let size = self.lowering.tables.symbols.text(room.size.name).to_owned();
        let pool = PoolIdentity {
            pool: name,
            node_resource_group: &group,
            location,
            size: &size,
            arch: room.arch,
            os,
            os_disk,
            system: value(&self.given.mode) == Some(&PoolMode::System),
            spot,
            gpu: room.size.gpus > 0,
            network: self.lowering.network.mode,
        };
        let own: Vec<(String, String)> = value(&self.given.labels)
            .into_iter()
            .flatten()
            .map(|(key, label)| (key.clone(), label.value.0.clone()))
            .collect();
        let tables = &mut self.lowering.tables;
        let mut intern = |labels: Vec<(String, String)>| {
            let all = labels.iter().chain(&own);
            all.map(|(key, text)| (tables.intern(key), tables.intern(text))).collect::<Labels>()
        };
        (intern(identity::node_labels(&pool)), intern(identity::template_labels(&pool)))
    }

    fn subnets(&mut self) -> Option<(SubnetId, Option<SubnetId>)> {
        let nodes = match &self.given.subnet {
            Some(given) => subnet(self.lowering, given)?,
            None => SubnetId(0),
        };
        let pods = match &self.given.pod_subnet {
            Some(given) => Some(subnet(self.lowering, given)?),
            None => None,
        };
        Some((nodes, pods))
    }

    fn quotas(&self, size: &Size<'_>, spot: bool) -> Vec<QuotaId> {
        let family = match size {
            Size::Listed(size) => Some(size.family),
            Size::Own(_, own) => value(&own.family).map(|family| family.0.as_str()),
        };
        let draws = |name: &str| match spot {
            true => name.eq_ignore_ascii_case("lowPriorityCores"),
            false => {
                is_regional(name) || family.is_some_and(|family| family.eq_ignore_ascii_case(name))
            }
        };
        let quotas = self.lowering.quotas.iter().enumerate();
        quotas
            .filter(|(_, quota)| draws(self.lowering.tables.symbols.text(quota.name)))
            .map(|(index, _)| QuotaId(index as u32))
            .collect()
    }
}
