-- Views that nothing reads any more: service levels are measured each morning (report.service_level),
-- and report.vee_exception has the open exceptions with their age and who looks into them.
DROP VIEW report.read_rate_day, report.vee_exception_open;
