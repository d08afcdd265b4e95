//! Images: asked for by pods, pulled over the node's link, given to everyone who waits for them.
//!
//! kubernetes v1.36.2: `pkg/kubelet/images/puller.go` (one at a time, or side by side up to a
//! limit), `pkg/kubelet/images/helpers.go` (`throttledImageService`: a pull beyond the limit fails
//! with "pull QPS exceeded"), `pkg/kubelet/images/image_manager.go` (`EnsureImageExists`). The
//! runtime fetches an image once for all who ask while it is under way (containerd).

use crate::record::{Actor, Object};
use crate::sim::event::Event;
use crate::sim::kubelet::PullRequest;
use crate::sim::world::World;
use crate::unit::{ImageId, NodeId, PodId};
use crate::vocabulary::Cause;

impl World<'_> {
    /// Whether a node has an image. One without bytes is part of the node's own disk image.
    pub fn has_image(&self, node: NodeId, image: ImageId) -> bool {
        self.plan.images[image].1 == 0
            || self.cluster.nodes[node].images.binary_search(&image).is_ok()
    }

    /// A pod asks its kubelet for an image that is not there.
    pub fn request_pull(&mut self, pod: PodId, node: NodeId, image: ImageId) {
        self.set_pod_cause(pod, Some(Cause::ImagePull));
        let epoch = self.cluster.pods[pod].epoch;
        let pulls = self.kubelets.node(node, &self.plan.timing.pull);
        pulls.waiting.push_back(PullRequest { pod, epoch, image });
        self.begin_pulls(node);
    }

    /// Requests whose turn it is are carried out.
    fn begin_pulls(&mut self, node: NodeId) {
        let spec = &self.plan.timing.pull;
        while let Some(request) = self.kubelets.node(node, spec).next(spec.slots) {
            if self.cluster.pods[request.pod].epoch != request.epoch {
                continue;
            }
            if !self.kubelets.node(node, spec).queries.try_take(self.now) {
                self.pull_failed(request, "kubelet.pull-qps", "pull QPS exceeded");
            } else if !self.kubelets.registry_answers(self.now) {
                self.pull_failed(request, "kubelet.registry", "the registry refuses");
            } else if self.has_image(node, request.image) {
                self.image_is_there(request);
            } else {
                let bytes = self.plan.images[request.image].1;
                let pulls = self.kubelets.node(node, spec);
                if pulls.link.under_way().all(|image| image != request.image) {
                    pulls.link.begin(request.image, bytes, self.now);
                }
                pulls.under_way.push(request);
            }
        }
        let pulls = self.kubelets.node(node, spec);
        pulls.version = pulls.version.wrapping_add(1);
        let version = pulls.version;
        if let Some(next) = pulls.link.next(self.now) {
            self.at(next, Event::PullDone(node, version));
        }
    }

    /// The soonest pull of a node is complete.
    pub fn pull_done(&mut self, node: NodeId, version: u32) {
        let Some(pulls) = self.kubelets.known(node).filter(|pulls| pulls.version == version) else {
            self.record.counters.stale_events += 1;
            return;
        };
        let Some(image) = pulls.link.take_done(self.now) else { return };
        let mut served = Vec::new();
        pulls.under_way.retain(|request| {
            let other = request.image != image;
            if !other {
                served.push(*request);
            }
            other
        });
        self.image_came(node, image);
        for request in served {
            self.image_is_there(request);
        }
        self.begin_pulls(node);
    }

    fn image_is_there(&mut self, request: PullRequest) {
        if self.cluster.pods[request.pod].epoch == request.epoch {
            self.next_container(request.pod);
        }
    }

    /// `ErrImagePull`, then `ImagePullBackOff`.
    fn pull_failed(&mut self, request: PullRequest, code: &'static str, why: &str) {
        let PullRequest { pod, epoch, image } = request;
        let again = self.kubelets.failed_pulls.entry((pod, image)).or_default();
        let again = again.pull_failed(self.now);
        self.record.counters.failed_pulls += 1;
        let wait = again.since(self.now);
        self.note(Actor::Kubelet, "pull-failed", Object::Pod(pod), code, None, || {
            format!("{why}; the kubelet tries again in {wait}")
        });
        self.at(again, Event::PodStage(pod, epoch));
    }
}
