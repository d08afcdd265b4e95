//! Pods and nodes of every kind that the filters and scores tell apart.

use crate::model::*;
use crate::rules::WellKnown;
use crate::unit::*;

/// The extended resource that some nodes have.
const DEVICES: usize = 0;

/// What shapes and nodes are made of.
#[derive(Clone, Copy)]
pub struct Words {
    app: Symbol,
    a: Symbol,
    b: Symbol,
    disk: Symbol,
    fast: Symbol,
    tcp: Symbol,
    name: Symbol,
    known: WellKnown,
}

impl Words {
    /// Interns them.
    pub fn new(symbols: &mut Symbols, known: WellKnown) -> Self {
        let [app, a, b, disk, fast, tcp, name] =
            ["app", "a", "b", "disk", "fast", "TCP", "metadata.name"]
                .map(|text| symbols.intern(text));
        Self { app, a, b, disk, fast, tcp, name, known }
    }

    fn selector(&self, value: Symbol) -> LabelSelector {
        let (key, values) = (self.app, vec![value]);
        LabelSelector { requirements: vec![Requirement { key, op: SelectorOp::In, values }] }
    }

    fn base(&self, value: Symbol, cpu: i64) -> PodShape {
        let size = Resources { pods: 1, ..Resources::of(cpu, cpu << 20) };
        PodShape {
            labels: [(self.app, value)].into_iter().collect(),
            requests: size,
            scoring: size,
            ..PodShape::default()
        }
    }

    fn spread(&self, topology_key: Symbol, when: WhenUnsatisfiable) -> SpreadConstraint {
        SpreadConstraint {
            max_skew: 1,
            topology_key,
            when,
            selector: Some(self.selector(self.a)),
            min_domains: 1,
            node_affinity_policy: PolicySwitch::Honor,
            node_taints_policy: PolicySwitch::Honor,
        }
    }

    fn term(&self, value: Symbol, topology_key: Symbol) -> PodAffinityTerm {
        PodAffinityTerm {
            selector: Some(self.selector(value)),
            namespaces: vec![],
            namespace_selector: None,
            topology_key,
        }
    }

    /// Every kind of shape.
    pub fn shapes(&self, symbols: &mut Symbols) -> Vec<PodShape> {
        let mut shapes = vec![self.base(self.a, 500)];
        shapes.extend(self.spreading());
        shapes.extend(self.sociable());
        shapes.extend(self.choosy(symbols));
        shapes.extend(self.demanding());
        shapes
    }

    fn spreading(&self) -> Vec<PodShape> {
        use WhenUnsatisfiable::{DoNotSchedule, ScheduleAnyway};
        let (zone, hostname) = (self.known.zone, self.known.hostname);
        let defaulted =
            PodShape { default_spread: Some(self.selector(self.a)), ..self.base(self.a, 300) };
        let with = |rules| PodShape { spread: rules, ..self.base(self.a, 200) };
        let everywhere = SpreadConstraint {
            node_taints_policy: PolicySwitch::Ignore,
            node_affinity_policy: PolicySwitch::Ignore,
            max_skew: 2,
            min_domains: 3,
            ..self.spread(zone, DoNotSchedule)
        };
        vec![
            defaulted,
            with(vec![self.spread(zone, DoNotSchedule)]),
            with(vec![self.spread(zone, ScheduleAnyway), self.spread(hostname, ScheduleAnyway)]),
            with(vec![everywhere, self.spread(hostname, DoNotSchedule)]),
        ]
    }

    fn sociable(&self) -> Vec<PodShape> {
        let (zone, hostname) = (self.known.zone, self.known.hostname);
        let mut lonely = self.base(self.b, 100);
        lonely.pod_affinity.anti_required = vec![self.term(self.b, hostname)];
        let mut sociable = self.base(self.b, 100);
        sociable.pod_affinity.required = vec![self.term(self.a, zone)];
        sociable.pod_affinity.preferred = vec![(7, self.term(self.a, hostname))];
        sociable.pod_affinity.anti_preferred = vec![(3, self.term(self.b, zone))];
        vec![lonely, sociable]
    }

    fn choosy(&self, symbols: &mut Symbols) -> Vec<PodShape> {
        let condition = |op| Requirement { key: self.disk, op, values: vec![self.fast] };
        let term = |op| NodeSelectorTerm { expressions: vec![condition(op)], fields: vec![] };
        let mut prefers = self.base(self.b, 400);
        prefers.node_affinity.preferred = vec![(10, term(SelectorOp::In))];
        prefers.containers = vec![Container { image: ImageId(0), init: false, ends: false }];
        let mut avoids = self.base(self.a, 150);
        avoids.node_affinity.required =
            Some(vec![term(SelectorOp::NotIn), term(SelectorOp::DoesNotExist)]);
        let mut tolerant = self.base(self.b, 250);
        tolerant.node_selector = vec![(self.disk, self.fast)];
        let tolerates = |key, effect| Toleration {
            key,
            op: TolerationOp::Exists,
            value: Symbol::EMPTY,
            effect,
            seconds: None,
        };
        tolerant.tolerations = vec![tolerates(Some(self.disk), Some(TaintEffect::NoSchedule))];
        let mut everywhere = self.base(self.b, 50);
        everywhere.tolerations = vec![tolerates(None, None)];
        let mut pinned = self.base(self.a, 100);
        let values = [4, 1].map(|n| symbols.intern(&node_name(n))).to_vec();
        let field = Requirement { key: self.name, op: SelectorOp::In, values };
        pinned.node_affinity.required =
            Some(vec![NodeSelectorTerm { expressions: vec![], fields: vec![field] }]);
        vec![prefers, avoids, tolerant, everywhere, pinned]
    }

    fn demanding(&self) -> Vec<PodShape> {
        let port = |ip, port| HostPort { ip, port, protocol: self.tcp };
        let listens =
            PodShape { host_ports: vec![port(Symbol::EMPTY, 80)], ..self.base(self.a, 100) };
        let local = PodShape {
            host_ports: vec![port(self.known.hostname, 80), port(self.known.hostname, 81)],
            ..self.base(self.b, 100)
        };
        let mut computes = self.base(self.b, 500);
        computes.requests.extended[DEVICES] = 1;
        let part = |milli| PodShape {
            device_share: Some(DeviceShare { kind: ExtendedId(DEVICES as u8), milli }),
            ..self.base(self.b, 50)
        };
        let mut stores = self.base(self.a, 200);
        stores.requests.ephemeral = 3 << 30;
        stores.volumes.data_disks = 2;
        let huge = self.base(self.a, 9_000);
        let best_effort = PodShape {
            requests: Resources { pods: 1, ..Resources::ZERO },
            scoring: Resources::of(100, 200 << 20),
            ..self.base(self.a, 0)
        };
        vec![listens, local, computes, part(400), part(650), stores, huge, best_effort]
    }

    /// Pods that one of several zones is for.
    pub fn zonal(&self, zone: Symbol) -> PodShape {
        let mut shape = self.base(self.b, 300);
        shape.volumes.zone = Some(zone);
        shape
    }

    /// Labels of a node.
    pub fn labels(&self, name: Symbol, zone: Symbol, lots: Lots) -> Labels {
        let mut labels = Labels::default();
        labels.set(self.known.hostname, name);
        if lots.of(2).below(8) > 0 {
            labels.set(self.known.zone, zone);
        }
        if lots.of(3).below(3) == 0 {
            labels.set(self.disk, self.fast);
        }
        labels
    }

    /// What a node offers.
    pub fn size(lots: Lots) -> Resources {
        let cpu = [1_000, 2_000, 4_000][lots.below(3)];
        let mut size = Resources {
            pods: [3, 20][lots.of(1).below(2)],
            ephemeral: [0, 10 << 30][lots.of(2).below(2)],
            ..Resources::of(cpu, cpu << 20)
        };
        size.extended[DEVICES] = [0, 1, 3][lots.of(3).below(3)];
        size
    }

    /// None, or a taint.
    pub fn taints(&self, lots: Lots) -> Vec<Taint> {
        let effect = match lots.below(8) {
            0 => TaintEffect::NoSchedule,
            1 => TaintEffect::PreferNoSchedule,
            2 => TaintEffect::NoExecute,
            _ => return vec![],
        };
        vec![Taint { key: self.disk, value: Symbol::EMPTY, effect }]
    }
}

/// Name of a node.
pub fn node_name(number: u32) -> String {
    format!("node-{number}")
}
