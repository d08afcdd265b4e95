//! What a pod reserves: containers, init containers in order, sidecars, pod-level requests,
//! overhead.
//!
//! Source: kubernetes `component-helpers/resource/helpers.go` (`PodRequests`) and
//! `pkg/scheduler/util/pod_resources.go` (defaults for scoring), v1.36.2.

use crate::unit::Resources;

/// CPU that scoring counts for a container without a CPU request.
pub const DEFAULT_CPU_MILLI: i64 = 100;
/// Memory that scoring counts for a container without a memory request: 200 MiB.
pub const DEFAULT_MEMORY: i64 = 200 * 1024 * 1024;

/// Requests of one container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContainerRequest {
    /// `resources.requests`; what is absent is 0.
    pub requests: Resources,
    /// The `cpu` key is present (an explicit 0 is present).
    pub has_cpu: bool,
    /// The `memory` key is present.
    pub has_memory: bool,
    /// An init container with `restartPolicy: Always`.
    pub sidecar: bool,
}

impl ContainerRequest {
    /// Requests with upstream's defaults where a key is absent.
    fn with_defaults(&self) -> Resources {
        let mut requests = self.requests;
        if !self.has_cpu {
            requests.cpu_milli = DEFAULT_CPU_MILLI;
        }
        if !self.has_memory {
            requests.memory = DEFAULT_MEMORY;
        }
        requests
    }
}

/// What a pod's specification says about requests.
#[derive(Clone, Copy, Debug, Default)]
pub struct PodRequest<'a> {
    /// `spec.containers`
    pub containers: &'a [ContainerRequest],
    /// `spec.initContainers`, in order.
    pub init: &'a [ContainerRequest],
    /// `spec.resources.requests` (pod level), per resource; absent ones are `None`.
    pub pod_cpu_milli: Option<i64>,
    /// Pod-level memory.
    pub pod_memory: Option<i64>,
    /// `spec.overhead` (of the runtime class).
    pub overhead: Resources,
}

impl PodRequest<'_> {
    /// What the scheduler reserves; `pods` is 1.
    pub fn reserved(&self) -> Resources {
        self.total(|container| container.requests)
    }

    /// What NodeResourcesFit scores with: absent CPU and memory count as 100m and 200 MiB per
    /// container; `pods` is 1.
    pub fn scoring(&self) -> Resources {
        self.total(ContainerRequest::with_defaults)
    }

    /// max(sum of containers and sidecars, the largest init step), then pod level, then overhead.
    fn total(&self, requests: impl Fn(&ContainerRequest) -> Resources) -> Resources {
        let mut sum = Resources::ZERO;
        for container in self.containers {
            sum += &requests(container);
        }
        let mut sidecars = Resources::ZERO;
        let mut init = Resources::ZERO;
        for container in self.init {
            let own = requests(container);
            let step = if container.sidecar {
                sum += &own;
                sidecars += &own;
                sidecars
            } else {
                own + &sidecars
            };
            init = init.max(&step);
        }
        let mut total = sum.max(&init);
        total.cpu_milli = self.pod_cpu_milli.unwrap_or(total.cpu_milli);
        total.memory = self.pod_memory.unwrap_or(total.memory);
        total += &self.overhead;
        total.pods = 1;
        total
    }
}

/// The three figures of a container that may be being resized in place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resized {
    /// What the specification asks for.
    pub spec: Resources,
    /// What the kubelet has admitted (`status.allocatedResources`).
    pub allocated: Option<Resources>,
    /// What the runtime has put into force (`status.resources`).
    pub actuated: Option<Resources>,
    /// An init container with `restartPolicy: Always`.
    pub sidecar: bool,
}

/// What a pod's containers count while the pod is resized: the largest of the three sums, without
/// that of the specification if the resize is infeasible. What the kubelet has not put into force
/// counts as admitted, what it has not admitted as specified unless that is infeasible
/// (`AggregateContainerRequests` @ 0085214e; before 1.37 the largest was taken per container).
pub fn resized_request(containers: &[Resized], init: &[Resized], infeasible: bool) -> Resources {
    let sum = |figure: &dyn Fn(&Resized) -> Resources| {
        let request = |own: &Resized| ContainerRequest {
            requests: figure(own),
            sidecar: own.sidecar,
            ..ContainerRequest::default()
        };
        let (containers, init): (Vec<_>, Vec<_>) =
            (containers.iter().map(request).collect(), init.iter().map(request).collect());
        PodRequest { containers: &containers, init: &init, ..PodRequest::default() }.reserved()
    };
    let unless_infeasible = |own: &Resized| if infeasible { Resources::ZERO } else { own.spec };
    let allocated = sum(&|own| own.allocated.unwrap_or_else(|| unless_infeasible(own)));
    let actuated =
        sum(&|own| own.actuated.or(own.allocated).unwrap_or_else(|| unless_infeasible(own)));
    let status = allocated.max(&actuated);
    if infeasible { status } else { sum(&|own| own.spec).max(&status) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cpu(milli: i64, sidecar: bool) -> ContainerRequest {
        ContainerRequest {
            requests: Resources::of(milli, 0),
            has_cpu: true,
            has_memory: true,
            sidecar,
        }
    }

    #[test]
    fn the_order_of_init_containers_and_sidecars_matters() {
        for (init, expected) in [
            (vec![], 1_000),
            (vec![cpu(3_000, false)], 3_000),
            (vec![cpu(500, true), cpu(3_000, false)], 3_500),
            (vec![cpu(3_000, false), cpu(500, true)], 3_000),
            (vec![cpu(500, true), cpu(500, true)], 2_000),
        ] {
            let pod =
                PodRequest { containers: &[cpu(1_000, false)], init: &init, ..Default::default() };
            assert_eq!(pod.reserved().cpu_milli, expected, "{init:?}");
            assert_eq!(pod.reserved().pods, 1);
        }
    }

    #[test]
    fn a_resize_counts_the_largest_sum() {
        let of = |spec, allocated: Option<i64>, actuated: Option<i64>, sidecar| Resized {
            spec: Resources::of(spec, 0),
            allocated: allocated.map(|milli| Resources::of(milli, 0)),
            actuated: actuated.map(|milli| Resources::of(milli, 0)),
            sidecar,
        };
        let sum = |containers: &[Resized], init: &[Resized], infeasible| {
            resized_request(containers, init, infeasible).cpu_milli
        };
        let (up, down) = (of(1_000, Some(2_000), None, false), of(2_000, Some(1_000), None, false));
        assert_eq!(sum(&[up, down], &[], false), 3_000, "not 4,000, the sum of the largest");
        let sidecar = of(4_000, None, Some(2_000), true);
        assert_eq!(sum(&[], &[sidecar], true), 2_000);
        assert_eq!(sum(&[], &[sidecar], false), 4_000);
        assert_eq!(sum(&[of(4_000, None, None, false)], &[], true), 0);
    }

    #[test]
    fn pod_level_requests_replace_and_overhead_adds() {
        let pod = PodRequest {
            containers: &[cpu(1_000, false), ContainerRequest::default()],
            pod_cpu_milli: Some(700),
            overhead: Resources::of(50, 10),
            ..Default::default()
        };
        assert_eq!(pod.reserved().cpu_milli, 750);
        assert_eq!(pod.scoring().memory, DEFAULT_MEMORY + 10);
    }
}
