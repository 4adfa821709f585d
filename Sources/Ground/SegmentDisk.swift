/// Large files that are written in order and must outlive power cuts. Nothing is durable until it
/// is synced: bytes and length by the file's `sync`, names by `syncFolder`.
///
/// Calls block: never call it on a loop.
public protocol SegmentDisk {
    /// Opens a file that is there, for reading and writing; `notFound` when there is none.
    func open(_ path: String) throws(Fault) -> any SegmentFile
    /// Makes a file that must not be there yet. Its name is durable after `syncFolder`.
    func make(_ path: String) throws(Fault) -> any SegmentFile
    /// Makes a folder and those above it; nothing happens when it is there. Durable on return.
    func makeFolder(_ path: String) throws(Fault)
    /// Names in a folder, sorted.
    func list(_ folder: String) throws(Fault) -> [String]
    /// Gives a file another name in the same folder.
    func rename(_ path: String, to target: String) throws(Fault)
    /// Takes a file's name away; nothing happens when there is none.
    func unlink(_ path: String) throws(Fault)
    /// Makes what was made, renamed and unlinked in a folder durable.
    func syncFolder(_ folder: String) throws(Fault)
    /// Bytes that this process may still take on the disk that holds `folder`.
    func freeRoom(_ folder: String) throws(Fault) -> Int
}

/// An open file of a `SegmentDisk`, closed with the last reference.
public protocol SegmentFile: AnyObject {
    /// Bytes that it has.
    var size: Int { get }
    /// Keeps any other process from opening it so; `precondition` when one has.
    func lock() throws(Fault)
    /// Takes room for `bytes` bytes, which are its size from then on; what was not written reads as
    /// zero. `exhausted` when the disk has not that much.
    func preallocate(_ bytes: Int) throws(Fault)
    /// Cuts it to `bytes` bytes.
    func truncate(_ bytes: Int) throws(Fault)
    /// Writes all of `pieces`, one behind the other, from `offset` on.
    func write(_ pieces: [UnsafeRawBufferPointer], at offset: Int) throws(Fault)
    /// Reads from `offset` on until `buffer` is full or the file ends; the count of bytes read.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(Fault) -> Int
    /// Makes bytes and length durable.
    func sync() throws(Fault)
}
