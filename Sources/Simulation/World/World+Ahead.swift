extension World {
    /// Asks for the memory that the occurrences of the next millisecond will use.
    ///
    /// Of 10,000 nodes none is in a cache when its next frame comes, and the frame would wait for
    /// one line after the other. Asked for together they arrive together: no read here waits for
    /// the one before it. Changes nothing that anybody sees.
    mutating func lookAhead() {
        let due = agenda.present
        var sum: UInt8 = 0
        for item in due {
            if item.kind == .timer {
                // Nearly all are of frames that are over, and touch nothing else.
                sum &+= readFrames(of: Int(item.a))
            } else if let place = place(of: item) {
                sum &+= Self.read(hosts, place.host) &+ Self.read(shards, place.shard)
            }
        }
        // What they point to, now that it is known where that lies.
        shards.withUnsafeBufferPointer { shards in
            for item in due {
                guard let shard = item.kind == .timer ? Int(item.a) : place(of: item)?.shard else {
                    continue
                }
                sum &+= Self.read(shards[shard].frames, 0)
            }
        }
        residue = sum
    }

    /// Whose memory an occurrence will use.
    private func place(of item: Occurrence) -> (host: Int, shard: Int)? {
        let index = Int(item.a)
        switch item.kind {
        case .cameraSends:
            let host = cameras[index].host
            let shards = hosts[host].shards
            return (host, shards.lowerBound + index % shards.count)
        case .inferenceEnds: return (index, hosts[index].shards.lowerBound)
        default: return nil
        }
    }

    /// Reads where a shard says where its frames are.
    private func readFrames(of shard: Int) -> UInt8 {
        shards.withUnsafeBytes {
            $0[shard * MemoryLayout<Shard>.stride + (MemoryLayout<Shard>.offset(of: \.frames) ?? 0)]
        }
    }

    /// Reads a byte of each cache line of an element, where there is one.
    @inline(__always)
    private static func read<Element>(_ elements: [Element], _ index: Int) -> UInt8 {
        guard index < elements.count else { return 0 }
        let size = MemoryLayout<Element>.stride
        return elements.withUnsafeBytes { bytes in
            var sum: UInt8 = 0
            for place in stride(from: index * size, to: (index + 1) * size, by: 64) {
                sum &+= bytes[place]
            }
            return sum
        }
    }
}
