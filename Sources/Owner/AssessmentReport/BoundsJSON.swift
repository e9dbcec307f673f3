// SPDX-License-Identifier: Apache-2.0
internal import LeakageAssessment

/// The bounds in `assessment.json`.
enum BoundsJSON {
    static func bounds(_ bounds: LeakageBounds) -> JSONText {
        .object([
            ("pictures", .integer(bounds.pictures)), ("probes", .integer(bounds.probes)),
            ("traceByPixel", trace(bounds.trace)), ("traceByThumbnailPixel", trace(bounds.thumbnailTrace)),
            ("rootMeanSquare", .number(bounds.rootMeanSquare)), ("candidates", .integer(bounds.candidates)),
            ("sigmaFor20dB", .number(bounds.sigmaForFloor)),
            ("sigmaFor20dBStrict", .number(bounds.sigmaForStrictFloor)),
            ("sigmaForTop1Of10Percent", .optional(bounds.sigmaForAnonymity)),
            (
                "levels",
                .array(
                    bounds.levels.map { level in
                        .object([
                            ("sigma", .number(level.sigma)), ("dFIL", .number(level.fisherLeakage)),
                            ("psnrFloor", .number(level.peakSignalToNoise)),
                            ("thumbnailPSNRFloor", .number(level.thumbnailPeakSignalToNoise)),
                            ("top1Bound", .number(level.identificationBound.value)),
                            ("top1BoundError", .number(level.identificationBound.standardError)),
                            ("top1", .number(level.identification.value)),
                            ("top1Error", .number(level.identification.standardError)),
                        ])
                    })
            ),
        ])
    }

    private static func trace(_ trace: TraceEstimate) -> JSONText {
        .object([
            ("mean", .number(trace.mean)), ("standardError", .number(trace.standardError)),
            ("percentile95", .number(trace.percentile95)),
        ])
    }
}
