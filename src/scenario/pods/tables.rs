//! Tables that grow while a scenario is read: interned strings, names of extended resources, images
//! and pod shapes.

use rustc_hash::FxHashMap;

use crate::model::PodShape;
use crate::unit::{ExtendedId, IdVec, ImageId, MAX_EXTENDED, ShapeId, Symbol, Symbols};

/// The interned parts of a plan in the making.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    /// Interned strings.
    pub symbols: Symbols,
    extended: Vec<String>,
    images: IdVec<ImageId, (Symbol, Option<u64>)>,
    image_index: FxHashMap<Symbol, ImageId>,
    shapes: IdVec<ShapeId, PodShape>,
    shape_index: FxHashMap<PodShape, ShapeId>,
}

impl Tables {
    /// The symbol of `text`.
    pub fn intern(&mut self, text: &str) -> Symbol {
        self.symbols.intern(text)
    }

    /// The number of an extended resource; `None` if it would be one kind too many.
    pub fn extended(&mut self, name: &str) -> Option<ExtendedId> {
        let index = match self.extended.iter().position(|known| known == name) {
            Some(index) => index,
            None if self.extended.len() == MAX_EXTENDED => return None,
            None => {
                self.extended.push(name.to_owned());
                self.extended.len() - 1
            }
        };
        u8::try_from(index).ok().map(ExtendedId)
    }

    /// The number of an image. Of two sizes given (bytes) the larger one is kept.
    pub fn image(&mut self, name: &str, size: Option<u64>) -> ImageId {
        let name = self.symbols.intern(name);
        let Self { images, image_index, .. } = self;
        let id = *image_index.entry(name).or_insert_with(|| images.push((name, None)));
        let known = &mut self.images[id].1;
        *known = size.max(*known);
        id
    }

    /// The number of a pod shape; equal shapes share it.
    pub fn shape(&mut self, shape: PodShape) -> ShapeId {
        let Self { shapes, shape_index, .. } = self;
        *shape_index.entry(shape).or_insert_with_key(|shape| shapes.push(shape.clone()))
    }

    /// The shapes so far.
    pub fn shapes(&self) -> &IdVec<ShapeId, PodShape> {
        &self.shapes
    }

    /// The images so far, and their sizes where they are known.
    pub fn images(&self) -> &IdVec<ImageId, (Symbol, Option<u64>)> {
        &self.images
    }

    /// Gives the tables to a plan. Images of unknown size get `size`.
    pub fn into_parts(self, size: u64) -> TableParts {
        let images = self.images.iter().map(|&(name, known)| (name, known.unwrap_or(size)));
        TableParts {
            images: images.collect(),
            symbols: self.symbols,
            extended: self.extended,
            shapes: self.shapes,
        }
    }
}

/// The tables as a plan holds them.
#[derive(Clone, Debug)]
pub struct TableParts {
    /// Interned strings.
    pub symbols: Symbols,
    /// Names of extended resources.
    pub extended: Vec<String>,
    /// Images: name and size in bytes.
    pub images: IdVec<ImageId, (Symbol, u64)>,
    /// Pod shapes.
    pub shapes: IdVec<ShapeId, PodShape>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_shapes_share_a_number_and_an_image_keeps_its_size() {
        let mut tables = Tables::default();
        let shape = PodShape { gated: true, ..PodShape::default() };
        let first = tables.shape(shape.clone());
        let other = tables.shape(PodShape::default());
        assert_eq!(tables.shape(shape), first);
        assert_ne!(first, other);
        let image = tables.image("acr.io/a:1", Some(900));
        assert_eq!(tables.image("acr.io/a:1", None), image);
        assert_eq!(tables.images()[image].1, Some(900));
    }

    #[test]
    fn a_ninth_extended_resource_has_no_number() {
        let mut tables = Tables::default();
        for n in 0..MAX_EXTENDED {
            assert!(tables.extended(&format!("example.com/{n}")).is_some());
        }
        assert_eq!(tables.extended("example.com/0"), Some(ExtendedId(0)));
        assert_eq!(tables.extended("example.com/8"), None);
    }
}
