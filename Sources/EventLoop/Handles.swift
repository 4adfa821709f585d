internal import CLibuv

/// An object whose libuv handle's data pointer holds a retained reference to it.
protocol HandleOwner: AnyObject {
    /// The loop is ending: close the handle at once.
    func loopEnds()
}

extension UnsafeMutablePointer {
    /// libuv's handles begin with the fields of `uv_handle_t`.
    var asHandle: UnsafeMutablePointer<uv_handle_t> {
        UnsafeMutableRawPointer(self).assumingMemoryBound(to: uv_handle_t.self)
    }

    /// Stream handles begin with the fields of `uv_stream_t`.
    var asStream: UnsafeMutablePointer<uv_stream_t> {
        UnsafeMutableRawPointer(self).assumingMemoryBound(to: uv_stream_t.self)
    }

    /// Closes the handle; once libuv is done with it, its memory and its reference to the owner go.
    func closeHandle() { uv_close(asHandle, freeHandle) }
}

/// Gives back a closed handle and its reference to the owner, if it has one.
private let freeHandle: uv_close_cb = { handle in
    let owner = handle!.pointee.data
    UnsafeMutableRawPointer(handle!).deallocate()
    if let owner { Unmanaged<AnyObject>.fromOpaque(owner).release() }
}

/// The object behind a handle's data pointer, without taking its reference.
@inline(__always)
func owner<Owner: AnyObject>(_ data: UnsafeMutableRawPointer?, as type: Owner.Type) -> Owner {
    Unmanaged<Owner>.fromOpaque(data!).takeUnretainedValue()
}
