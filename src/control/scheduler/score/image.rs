//! ImageLocality: nodes that have the images already.
//!
//! Source: kubernetes `pkg/scheduler/framework/plugins/imagelocality/image_locality.go`, v1.36.2.

use super::MAX_SCORE;
use crate::model::PodShape;
use crate::unit::ImageId;

const MIN_THRESHOLD: i64 = 23 * 1024 * 1024;
const MAX_CONTAINER_THRESHOLD: i64 = 1_000 * 1024 * 1024;

/// Which containers of a shape find their image on a node, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImagesThere(u64);

impl ImagesThere {
    /// Containers that there are bits for.
    pub const MOST: usize = u64::BITS as usize;

    /// Of a node with these images (sorted).
    pub fn of(shape: &PodShape, images: &[ImageId]) -> Self {
        let there = |image: ImageId| images.binary_search(&image).is_ok();
        let containers = shape.containers.iter().take(Self::MOST).enumerate();
        Self(containers.fold(0, |all, (at, own)| all | u64::from(there(own.image)) << at))
    }
}

/// What each image of a shape is worth, for the spread of images at one moment.
#[derive(Clone, Debug, Default)]
pub struct ImageScore {
    /// Per container, in order: its image and its size scaled by the share of nodes that have it.
    worth: Vec<(ImageId, i64)>,
}

impl ImageScore {
    /// Takes stock for a shape. `size` and `nodes_with` are asked per image.
    pub fn refresh(
        &mut self,
        shape: &PodShape,
        size: impl Fn(ImageId) -> i64,
        nodes_with: impl Fn(ImageId) -> u32,
        nodes: usize,
    ) {
        self.worth.clear();
        self.worth.extend(shape.containers.iter().map(|container| {
            let share = f64::from(nodes_with(container.image)) / nodes as f64;
            (container.image, (size(container.image) as f64 * share) as i64)
        }));
    }

    /// Whether no node can score above 0.
    pub fn is_flat(&self) -> bool {
        self.worth.iter().map(|&(_, worth)| worth).sum::<i64>() <= MIN_THRESHOLD
    }

    /// Score of a node with these images (sorted).
    pub fn of(&self, images: &[ImageId]) -> i64 {
        let there = |image: ImageId| images.binary_search(&image).is_ok();
        let sum =
            self.worth.iter().filter(|&&(image, _)| there(image)).map(|&(_, worth)| worth).sum();
        self.scale(sum)
    }

    /// The same of a node that has the images of these containers, which are all of the shape's.
    pub fn of_those(&self, there: ImagesThere) -> i64 {
        let own = |&(at, _): &(usize, _)| there.0 >> at & 1 != 0;
        let sum = self.worth.iter().enumerate().filter(own).map(|(_, &(_, worth))| worth).sum();
        self.scale(sum)
    }

    fn scale(&self, sum: i64) -> i64 {
        let most = MAX_CONTAINER_THRESHOLD * self.worth.len() as i64;
        if most <= MIN_THRESHOLD {
            return 0;
        }
        let within = sum.clamp(MIN_THRESHOLD, most);
        MAX_SCORE * (within - MIN_THRESHOLD) / (most - MIN_THRESHOLD)
    }
}
