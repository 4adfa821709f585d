internal import CNghttp2
internal import Ground

/// Numbers of RFC 9113.
enum Frame {
    static let data: UInt8 = 0
    static let headers: UInt8 = 1
    static let priority: UInt8 = 2
    static let reset: UInt8 = 3
    static let settings: UInt8 = 4
    static let ping: UInt8 = 6
    static let goAway: UInt8 = 7
    static let ack: UInt8 = 0x1
    static let endStream: UInt8 = 0x1
}

/// Header fields that never change, laid out for nghttp2 once and for all.
struct StaticHeaders: @unchecked Sendable {
    let pointer: UnsafePointer<nghttp2_nv>
    let count: Int

    init(_ fields: [(StaticString, StaticString)]) {
        let memory = UnsafeMutablePointer<nghttp2_nv>.allocate(capacity: fields.count)
        let keep = UInt8(
            NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue | NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue)
        for (index, (name, value)) in fields.enumerated() {
            memory[index] = nghttp2_nv(
                name: UnsafeMutablePointer(mutating: name.utf8Start),
                value: UnsafeMutablePointer(mutating: value.utf8Start),
                namelen: name.utf8CodeUnitCount, valuelen: value.utf8CodeUnitCount, flags: keep)
        }
        pointer = UnsafePointer(memory)
        count = fields.count
    }

    static let grpcAnswer = StaticHeaders([
        (":status", "200"), ("content-type", "application/grpc"),
        ("grpc-accept-encoding", "identity,deflate,gzip"),
    ])
    static let grpcOK = StaticHeaders([("grpc-status", "0")])
}

/// Header fields of one answer or request; nghttp2 copies them when they are submitted.
struct HeaderList {
    private var bytes: [UInt8] = []
    private var lengths: [(name: Int, value: Int)] = []

    init() {
        bytes.reserveCapacity(256)
        lengths.reserveCapacity(8)
    }

    mutating func add(_ name: String, _ value: String) {
        bytes.append(contentsOf: name.utf8)
        bytes.append(contentsOf: value.utf8)
        lengths.append((name.utf8.count, value.utf8.count))
    }

    func withFields<R>(_ body: (UnsafePointer<nghttp2_nv>, Int) -> R) -> R {
        bytes.withUnsafeBufferPointer { all in
            withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: lengths.count) { fields in
                var at = UnsafeMutablePointer(mutating: all.baseAddress!)
                for (index, length) in lengths.enumerated() {
                    fields[index] = nghttp2_nv(
                        name: at, value: at + length.name, namelen: length.name,
                        valuelen: length.value, flags: 0)
                    at += length.name + length.value
                }
                return body(UnsafePointer(fields.baseAddress!), lengths.count)
            }
        }
    }
}

extension GRPCStatus {
    /// Adds the status to trailers, or to the headers of an answer that has nothing else.
    func add(to list: inout HeaderList) {
        list.add("grpc-status", "\(code.rawValue)")
        // gRPC libraries take 8 KiB of trailers; a longer sentence would lose the status with it.
        if !message.isEmpty {
            list.add("grpc-message", PercentText.encode(String(message.prefix(1_024))))
        }
        if let details = RetryDetails.header(self) { list.add("grpc-status-details-bin", details) }
    }
}

/// A stretch of C memory as a buffer.
@inline(__always)
func buffer(_ pointer: UnsafePointer<UInt8>?, _ count: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: pointer, count: count)
}
