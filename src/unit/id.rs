//! Dense identifiers: 32-bit newtypes, and the only container they index.

use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

/// Declares `u32` newtypes that index an [`IdVec`]. The all-ones value is never handed out.
macro_rules! define_id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default,
            serde::Serialize, serde::Deserialize,
        )]
        pub struct $name(pub u32);

        impl From<usize> for $name {
            fn from(index: usize) -> Self {
                Self(u32::try_from(index).expect("fewer than 2^32 entities"))
            }
        }

        impl From<$name> for usize {
            fn from(id: $name) -> usize {
                id.0 as usize
            }
        }
    )+};
}

define_id!(
    /// A pod, in order of creation; never reused in a run.
    PodId,
    /// A node (the VM and the Node object it becomes), in order of request; never reused.
    NodeId,
    /// A VM instance number inside its scale set, used to key its draws.
    InstanceId,
    /// A node pool: one VM scale set.
    PoolId,
    /// A workload: what owns pods.
    WorkloadId,
    /// An interned pod specification.
    ShapeId,
    /// A message queue.
    QueueId,
    /// A sorted stream of arrivals.
    StreamId,
    /// A subnet.
    SubnetId,
    /// A vCPU quota counter.
    QuotaId,
    /// A PodDisruptionBudget.
    DisruptionBudgetId,
    /// A namespace's ResourceQuota.
    NamespaceQuotaId,
    /// A container image.
    ImageId,
);

/// A vector indexed by one kind of identifier only.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdVec<I, T> {
    items: Vec<T>,
    id: PhantomData<fn(I) -> I>,
}

impl<I: Copy + From<usize>, T> IdVec<I, T>
where
    usize: From<I>,
{
    /// No items.
    pub const fn new() -> Self {
        Self { items: Vec::new(), id: PhantomData }
    }

    /// Appends and returns the new item's identifier. Amortised O(1).
    pub fn push(&mut self, item: T) -> I {
        self.items.push(item);
        I::from(self.items.len() - 1)
    }

    /// The identifier that the next `push` returns.
    pub fn next_id(&self) -> I {
        I::from(self.items.len())
    }

    /// Item by identifier, if there is one.
    pub fn get(&self, id: I) -> Option<&T> {
        self.items.get(usize::from(id))
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are no items.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Identifiers in order.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = I> + use<I, T> {
        (0..self.items.len()).map(I::from)
    }

    /// Items in order.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.items.iter()
    }

    /// Items in order, mutable.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, T> {
        self.items.iter_mut()
    }

    /// Identifiers and items in order.
    pub fn enumerate(&self) -> impl DoubleEndedIterator<Item = (I, &T)> {
        self.items.iter().enumerate().map(|(index, item)| (I::from(index), item))
    }

    /// The items as a slice in identifier order.
    pub fn as_slice(&self) -> &[T] {
        &self.items
    }
}

impl<I: Copy + From<usize>, T> Default for IdVec<I, T>
where
    usize: From<I>,
{
    fn default() -> Self {
        Self::new()
    }
}

impl<I: Copy + From<usize>, T> FromIterator<T> for IdVec<I, T> {
    fn from_iter<It: IntoIterator<Item = T>>(iter: It) -> Self {
        Self { items: iter.into_iter().collect(), id: PhantomData }
    }
}

impl<I, T> Index<I> for IdVec<I, T>
where
    usize: From<I>,
{
    type Output = T;
    fn index(&self, id: I) -> &T {
        &self.items[usize::from(id)]
    }
}

impl<I, T> IndexMut<I> for IdVec<I, T>
where
    usize: From<I>,
{
    fn index_mut(&mut self, id: I) -> &mut T {
        &mut self.items[usize::from(id)]
    }
}
