/// What a topology may measure at most. Past these a file is refused, with its place.
enum Bounds {
    /// Bytes of one file: 10,000 leaves take about 200 bytes each, this holds four times as many.
    static let fileBytes = 8 << 20
    /// Files of a folder: one for each site of a large fleet.
    static let files = 1024
    /// Bytes of all files together: the checked value must fit beside a leaf's models.
    static let totalBytes = 32 << 20
    /// Levels of nesting: the model of the file has eight, the rest is room for mistakes to be
    /// named.
    static let depth = 16
    /// Faults that are shown: nobody mends more in one sitting.
    static let faults = 256
    /// Keys given twice that one file may have before the rest of it is not read.
    static let duplicates = 32
    /// Asterisks that look like aliases. Aliases are refused, but only after the YAML library has
    /// hashed every key, and nested aliases in a key multiply its length: 16 of them at most 400
    /// times.
    static let aliases = 16
    /// Characters of a name: a DNS label, since names become parts of host and file names.
    static let name = 63
    /// Characters of any other text: a path or an address, not a document.
    static let text = 1024
    /// Bytes of a topic: brokers take 65,535, people read a line.
    static let topic = 200
    /// Items of a list, such as labels or upstream nodes.
    static let items = 4096
}
