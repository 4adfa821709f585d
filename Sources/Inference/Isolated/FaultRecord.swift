internal import Ground

/// A fault as it crosses from an engine to its node: numbers from a list, and text that is cut to
/// its room.
enum FaultRecord {
    private static let codes: [Fault.Code] = [
        .inner, .invalid, .notFound, .unauthenticated, .forbidden, .exhausted, .deadline,
        .unavailable, .cancelled, .unsupported, .precondition, .corrupt,
    ]

    /// Writes it into a slot.
    static func write(_ fault: Fault, to slot: UnsafeMutableRawPointer) {
        let words = slot + ChannelLayout.answerFault
        let isClients = fault.source == .client
        words.storeBytes(of: UInt32(codes.firstIndex(of: fault.code) ?? 0), as: UInt32.self)
        words.storeBytes(of: isClients ? 1 : 0, toByteOffset: 4, as: UInt32.self)
        words.storeBytes(
            of: text(fault.message, slot, ChannelLayout.message, ChannelLayout.messageRoom),
            toByteOffset: 8, as: UInt32.self)
        words.storeBytes(
            of: text(fault.remedy ?? "", slot, ChannelLayout.remedy, ChannelLayout.remedyRoom),
            toByteOffset: 12, as: UInt32.self)
    }

    /// Reads what an engine wrote, whatever it is: unknown numbers become a fault of ours, lengths
    /// are held to the room, and what is no UTF-8 is mended.
    static func read(_ slot: UnsafeRawPointer) -> Fault {
        let words = slot + ChannelLayout.answerFault
        func word(_ index: Int) -> Int {
            Int(words.load(fromByteOffset: 4 * index, as: UInt32.self))
        }
        let (code, isClients) = (word(0), word(1) == 1)
        let message = text(slot, ChannelLayout.message, min(word(2), ChannelLayout.messageRoom))
        let remedy = text(slot, ChannelLayout.remedy, min(word(3), ChannelLayout.remedyRoom))
        let known = code < codes.count ? codes[code] : .inner
        return Fault(
            known, message, source: isClients ? .client : .local,
            remedy: remedy.isEmpty ? nil : remedy,
            retry: isClients ? .never : .elsewhere)
    }

    private static func text(
        _ text: String, _ slot: UnsafeMutableRawPointer, _ offset: Int, _ room: Int
    ) -> UInt32 {
        let bytes = Array(text.utf8.prefix(room))
        UnsafeMutableRawBufferPointer(start: slot + offset, count: room).copyBytes(from: bytes)
        return UInt32(bytes.count)
    }

    private static func text(_ slot: UnsafeRawPointer, _ offset: Int, _ count: Int) -> String {
        String(
            decoding: UnsafeRawBufferPointer(start: slot + offset, count: count), as: UTF8.self)
    }
}
