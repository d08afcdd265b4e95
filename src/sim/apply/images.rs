//! Images on a node's disk: what came, what was used last, what is collected.
//!
//! The kubelet looks at its images every five minutes. A node on whose disk all images of the
//! scenario fit at once never comes here.

use crate::control::kubelet::{HeldImage, IMAGE_GC_PERIOD, ImageDisk, collect};
use crate::record::{Actor, Object};
use crate::sim::event::Event;
use crate::sim::world::{World, scheduler_view};
use crate::unit::{Duration, ImageId, NodeId, PodId, SimTime};

/// What the kubelet of a node remembers of its images.
#[derive(Clone, Debug, Default)]
pub struct NodeImages {
    /// By image: when it was first seen, and when it was last seen in use.
    seen: Vec<(ImageId, SimTime, SimTime)>,
    /// A collection is due.
    due: bool,
}

impl World<'_> {
    /// An image is on a node from now on.
    pub fn image_came(&mut self, node: NodeId, image: ImageId) {
        let images = &mut self.cluster.nodes[node].images;
        let Err(at) = images.binary_search(&image) else { return };
        images.insert(at, image);
        let view = scheduler_view(self.plan, &self.cluster);
        self.scheduling.scheduler.node_images_changed(view, node);
        if self.image_disk(node).is_some() {
            let detected = self.image_pass(node, self.now, true);
            let known = self.kubelets.images.entry(node).or_default();
            known.seen.retain(|&(other, ..)| other != image);
            known.seen.push((image, detected, SimTime::ZERO));
            self.watch_image_disk(node);
        }
    }

    /// The disk of a node's images, if they can become too many.
    fn image_disk(&self, node: NodeId) -> Option<&ImageDisk> {
        self.plan.image_disks[self.cluster.nodes[node].pool?].as_ref()
    }

    /// When the kubelet looks at its images: the last time up to `time`, or the first from then on.
    fn image_pass(&self, node: NodeId, time: SimTime, next: bool) -> SimTime {
        let row = &self.cluster.nodes[node];
        let begun = if row.registered == SimTime::NEVER { time } else { row.registered };
        let (since, period) = (time.since(begun).micros(), IMAGE_GC_PERIOD.micros());
        let passes = if next { since.div_ceil(period) } else { since / period };
        begun + Duration::from_micros(period * passes)
    }

    /// Compressed bytes of the images on a node.
    fn image_bytes(&self, node: NodeId) -> u64 {
        self.cluster.nodes[node].images.iter().map(|&image| self.plan.images[image].1).sum()
    }

    /// Where a node holds too many images, the next pass collects some.
    pub fn watch_image_disk(&mut self, node: NodeId) {
        let Some(disk) = self.image_disk(node) else { return };
        if disk.to_free(self.image_bytes(node)).is_none() {
            return;
        }
        let known = self.kubelets.images.entry(node).or_default();
        if !std::mem::replace(&mut known.due, true) {
            let epoch = self.cluster.nodes[node].epoch;
            let mut at = self.image_pass(node, self.now, true);
            if at == self.now {
                at += IMAGE_GC_PERIOD;
            }
            self.at(at, Event::ImageGc(node, epoch));
        }
    }

    /// A pod leaves its node: its images may be unused from now on.
    pub fn images_released(&mut self, pod: PodId, node: NodeId) {
        if self.image_disk(node).is_none() {
            return;
        }
        let pass = self.image_pass(node, self.now, false);
        let row = &self.cluster.pods[pod];
        if row.bound == SimTime::NEVER || pass < row.bound {
            // It came and went between two passes: nobody saw it.
            return;
        }
        let containers = &self.cluster.shapes[row.shape].containers;
        let known = self.kubelets.images.entry(node).or_default();
        for container in containers.iter().take(usize::from(row.started)) {
            match known.seen.iter_mut().find(|(image, ..)| *image == container.image) {
                Some((_, _, used)) => *used = pass.max(*used),
                None => known.seen.push((container.image, SimTime::ZERO, pass)),
            }
        }
    }

    /// The kubelet removes images that no container needs, if its disk is too full.
    pub fn image_gc(&mut self, node: NodeId) {
        if let Some(known) = self.kubelets.images.get_mut(&node) {
            known.due = false;
        }
        let bytes = self.image_bytes(node);
        let to_free = self.image_disk(node).and_then(|disk| disk.to_free(bytes));
        let Some(to_free) = to_free.filter(|_| !self.is_silent(node)) else { return };
        let gone = collect(self.held_images(node), to_free, self.now);
        if !gone.is_empty() {
            let before = self.cluster.nodes[node].images.len();
            self.cluster.nodes[node].images.retain(|image| !gone.contains(image));
            self.fingerprint.add(self.now, 22, u64::from(node.0), gone.len() as u64);
            let view = scheduler_view(self.plan, &self.cluster);
            self.scheduling.scheduler.node_images_changed(view, node);
            self.note_collected(node, before, &gone);
        }
        self.watch_image_disk(node);
    }

    fn note_collected(&mut self, node: NodeId, before: usize, gone: &[ImageId]) {
        let name = self.node_name(node);
        let words = |image: &ImageId| self.plan.symbols.text(self.plan.images[*image].0);
        let names = gone.iter().map(words).collect::<Vec<_>>().join(", ");
        let change = Some((before as i64, (before - gone.len()) as i64));
        let object = Object::Node(node);
        self.note(Actor::Kubelet, "image-gc", object, "kubelet.image-gc", change, || {
            format!("the disk of {name} was too full; removed: {names}")
        });
    }

    /// The images of a node as its kubelet sees them now.
    fn held_images(&self, node: NodeId) -> Vec<HeldImage> {
        let row = &self.cluster.nodes[node];
        let seen = self.kubelets.images.get(&node).map_or(&[][..], |known| &known.seen);
        let in_use = |image: ImageId| {
            row.used.pods.iter().any(|&pod| {
                let pod = &self.cluster.pods[pod];
                let containers = &self.cluster.shapes[pod.shape].containers;
                containers.iter().take(usize::from(pod.started)).any(|own| own.image == image)
            })
        };
        let held = |&image: &ImageId| {
            let known = seen.iter().find(|(other, ..)| *other == image);
            let (detected, last_used) =
                known.map_or((SimTime::ZERO, SimTime::ZERO), |&(_, seen, used)| (seen, used));
            let bytes = self.plan.images[image].1;
            HeldImage { image, bytes, in_use: in_use(image), last_used, detected }
        };
        // What has no bytes is part of the node's own disk image.
        row.images.iter().map(held).filter(|image| image.bytes > 0).collect()
    }
}
