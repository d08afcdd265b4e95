//! ImageLocality: nodes that have the images already.
//!
//! Source: kubernetes `pkg/scheduler/framework/plugins/imagelocality/image_locality.go`, v1.36.2.

use super::MAX_SCORE;
use crate::model::PodShape;
use crate::unit::ImageId;

const MIN_THRESHOLD: i64 = 23 * 1024 * 1024;
const MAX_CONTAINER_THRESHOLD: i64 = 1_000 * 1024 * 1024;

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

    fn scale(&self, sum: i64) -> i64 {
        let most = MAX_CONTAINER_THRESHOLD * self.worth.len() as i64;
        if most <= MIN_THRESHOLD {
            return 0;
        }
        let within = sum.clamp(MIN_THRESHOLD, most);
        MAX_SCORE * (within - MIN_THRESHOLD) / (most - MIN_THRESHOLD)
    }
}
