import Ground

/// Which files a bundle cannot be without.
enum RequiredFiles {
    /// Faults when there is not exactly one model, or a file is missing that every bundle needs.
    static func check(_ names: [String], place: String, code: Fault.Code) throws(Fault) {
        let models = BundleFormat.formats.map(\.file).filter(names.contains)
        guard models.count == 1 else {
            let known = BundleFormat.formats.map(\.file).joined(separator: ", ")
            throw Fault(
                code,
                models.isEmpty
                    ? "\(place): the model is missing, one of \(known)"
                    : "\(place): \(models.joined(separator: " and ")) are there, one is needed",
                remedy: "keep exactly one model file")
        }
        let needsWeights = models == ["model.xml"]
        guard names.contains("model.bin") == needsWeights else {
            throw Fault(
                code,
                needsWeights
                    ? "\(place): model.bin is missing, which model.xml needs"
                    : "\(place): model.bin belongs to model.xml, not to \(models[0])",
                remedy: "keep model.xml and model.bin together")
        }
        for name in ["preprocessing.json", "postprocessing.json"] where !names.contains(name) {
            throw Fault(
                code, "\(place): \(name) is missing", remedy: "add it and pack the bundle again")
        }
    }

    /// Faults when a classification has no labels.
    static func checkLabels(
        _ names: [String], postprocessing: [UInt8], place: String
    ) throws(Fault) {
        let document = "\(place) postprocessing.json"
        var fields = try JSONFields(parsing: postprocessing, place: document, code: .corrupt)
        guard try fields.string("kind") == "classification", !names.contains("labels.txt") else {
            return
        }
        throw Fault(
            .corrupt, "\(place): labels.txt is missing, which a classification needs",
            remedy: "add one label a line and pack the bundle again")
    }
}
