package Medianest::Providers;

# Providers that the operator has registered (OpenID Connect, Plex): their settings, how they are asked, and whose an account there is. An account
# is known by the provider's address and its id there, never by a name.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use Encode qw(decode encode);
use Errno qw(ENOENT);
use JSON;
use Medianest::Database;
use Medianest::Servers;

use constant { MARK => '!provider', AWAY_SECONDS => 10, ATTEMPT_SECONDS => 600 };

my $known;

# @returns what medianest has written of each, by name, with the secret and `ca` (a file) @throws where that cannot be told
sub all {
    return $known if $known;
    my $file = Medianest::Servers::CONFIGURATION() . '/providers.json';
    unless ( -e $file ) {
        die "$file cannot be read: $!\n" unless $! == ENOENT;
        return $known = {};
    }
    my $read = decode_json( encode( 'UTF-8', Medianest::Servers::text_of($file) ) );
    for my $own ( values %$read ) {
        my $secrets = Medianest::Servers::SECRETS() . "/sign-on-provider-$own->{name}";
        $own->{clientSecret} = Medianest::Servers::text_of("$secrets-secret") =~ s/\n\z//r if $own->{hasSecret};
        $own->{ca}           = "$secrets-ca" if $own->{hasCa};
    }
    return $known = $read;
}

# @returns what people know them by, also where one is in the settings no more
sub labels { my $all = @_ ? all() : {}; return map { $all->{$_} ? $all->{$_}{label} : $_ } @_ }

sub listed { my $all = all(); return map { $all->{$_} } sort keys %$all }

# What asks it: answers alone, from where the address says, each part within 4 s.
sub agent {
    my ($own) = @_;
    require LWP::UserAgent;
    my $ua = LWP::UserAgent->new(
        agent              => 'medianest',
        timeout            => 4,
        max_redirect       => 0,
        max_size           => 512 * 1024,
        protocols_allowed  => ['https'],
        ssl_opts           => { verify_hostname => 1, $own->{ca} ? ( SSL_ca_file => $own->{ca} ) : ( SSL_ca_path => '/etc/ssl/certs' ) },
    );
    $ua->requests_redirectable( [] );

    # The engine takes each failure for a refusal.
    $ua->add_handler( response_done => sub { my ($answer) = @_; $own->{failed} = reason($answer) if $answer->code >= 500; return } );
    return $ua;
}

# Runs work that asks the provider, for 12 s at most: the edge waits 20 s for a page. One that was away is not asked again for some seconds, and
# one process waits for none.
# @throws why it cannot be asked
sub ask {
    my ( $own, $work ) = @_;
    my $file  = Medianest::Servers::STATE() . "/provider-$own->{name}-away";
    my $since = ( stat $file )[9];

    # The clock may have been set back.
    die "it was away a moment ago\n" if defined $since && abs( time - $since ) < AWAY_SECONDS;
    my $slot = Medianest::Servers::slot('the provider');
    my $result;
    my $done = eval {
        local $SIG{ALRM} = sub { die "it does not answer in time\n" };
        alarm 12;
        delete $own->{failed};
        $result = $work->();
        alarm 0;
        die "$own->{failed}\n" if $own->{failed};
        1;
    };
    my $why = $@;
    alarm 0;
    Medianest::Servers::note( "provider-$own->{name}", $done ? undef : told($why) ) if !$done || unlink $file;
    return $result if $done;
    if ( open my $away, '>', $file ) { close $away }
    die $why;
}

# An exception as people are told it.
sub told { return decode( 'UTF-8', $_[0] =~ s/ at \S+ line \d+.*//sr =~ s/\s+/ /gr =~ s/ \z//r ) }

# Why an answer is none, without what it says.
sub reason {
    my ($answer) = @_;
    my $said = $answer->status_line;
    return 'its certificate is not trusted' if $said =~ /certificate verify failed/;
    return 'its certificate is for another name' if $said =~ /hostname verification/;
    return 'it cannot be reached' if ( $answer->header('Client-Warning') // '' ) eq 'Internal response';
    return 'it answers ' . $answer->code;
}

# How a provider of OpenID Connect describes itself (Discovery 1.0): what may be asked, and where. @throws what is wrong with it
sub description {
    my ( $own, $ua ) = @_;
    my $answer = $ua->get( $own->{issuer} =~ s{/\z}{}r . '/.well-known/openid-configuration' );
    die reason($answer), "\n" unless $answer->is_success;
    my $said = eval { decode_json( $answer->content ) };
    die "it does not describe itself\n" unless ref $said eq 'HASH';
    die "it calls itself by another address\n" unless ( $said->{issuer} // '' ) eq $own->{issuer};
    for my $name (qw(token_endpoint jwks_uri userinfo_endpoint)) {
        next if $name eq 'userinfo_endpoint' && !defined $said->{$name};
        my ($host) = ( $said->{$name} // '' ) =~ m{\Ahttps://([A-Za-z0-9.-]+(?::\d+)?)(?:/[^\s\@#]*)?\z};
        die "its $name is no address\n" unless defined $host;
        $host = lc $host =~ s/:443\z//r;
        die "its $name is at $host: add that to signOn.providers.$own->{name}.hosts\n" unless grep { $_ eq $host } @{ $own->{hosts} };
    }
    die "its authorization_endpoint is no address\n" unless ( $said->{authorization_endpoint} // '' ) =~ m{\Ahttps://[^\s"'<>\\#]+\z};
    return $said;
}

# One line of text, or nothing. The engine hands bytes on where an answer names no character set.
sub text {
    my ($value) = @_;
    return '' if !defined $value || ref $value;
    utf8::decode($value);
    return $value =~ /\A\P{C}{1,200}\z/ ? $value : '';
}

# An address of e-mail, or nothing. In ASCII alone: in lower case, other letters (U+212A) are those of another person's address.
sub address {
    my $value = text(@_);
    return $value =~ /\A[!-?A-~]{1,64}\@[!-?A-~]{1,190}\z/ ? $value : '';
}

# Our groups of a person with those there.
sub groups_of {
    my ( $own, @theirs ) = @_;
    my %has = map { $_ => 1 } @{ $own->{everyone} }, map { @{ $own->{groups}{$_} || [] } } @theirs;
    return join ',', sort keys %has;
}

# Whether the operator lets this person come in by it at all. An address that the provider has not verified is none.
sub allowed {
    my ( $own, $who ) = @_;
    return 1 unless @{ $own->{allow} };
    my $email = lc $who->{email};
    return scalar grep { $_ eq $who->{subject} || ( $email ne '' && ( lc $_ eq $email || ( /\A\@/ && $email =~ /\Q${\lc}\E\z/ ) ) ) } @{ $own->{allow} };
}

# @param $who subject, email (verified, or empty), name, username, groups
# @returns the user's name, or undefined and why not: not_allowed, no_role, removed, unknown. What is stored is stored at once, or not at all
sub admit {
    my ( $own, $who ) = @_;
    return ( undef, 'not_allowed' ) unless allowed( $own, $who );
    return Medianest::Database::transaction(
        sub {
            my ($dbh) = @_;

            # Two sign-ins of one person at once: one after the other.
            $dbh->do( 'SELECT pg_advisory_xact_lock(hashtext(?))', undef, "$own->{issuer} $who->{subject}" );
            return decided( $dbh, $own, $who );
        }
    );
}

sub decided {
    my ( $dbh, $own, $who ) = @_;
    my @key = ( $own->{issuer}, $who->{subject} );
    my $row = $dbh->selectrow_hashref( <<'SQL', undef, @key );
SELECT i.login, u.source, u.groups FROM identities i LEFT JOIN users u ON u.login = i.login WHERE i.issuer = ? AND i.subject = ?
SQL
    my $groups = groups_of( $own, @{ $who->{groups} } );
    if ( $row && defined $row->{login} ) {
        return ( $row->{login}, undef, 'known' ) if $row->{source} ne 'provider';
        if ( $row->{groups} ne $groups ) {
            $dbh->do( 'UPDATE users SET groups = ?, version = version + 1 WHERE login = ?', undef, $groups, $row->{login} );
            $dbh->do( q{DELETE FROM sessions WHERE a_session ->> '_whatToTrace' = ?}, undef, $row->{login} );
        }
        return $groups eq '' ? ( undef, 'no_role' ) : ( $row->{login}, undef, 'known' );
    }

    # Its user was removed or reset here: what the provider says does not bring it back.
    return ( undef, 'removed' ) if $row;
    if ( defined( my $login = invited( $dbh, $who ) ) ) {

        # Of two accounts with this address at once, one gets it.
        return ( undef, 'unknown' ) unless $dbh->do( 'DELETE FROM invitations WHERE login = ?', undef, $login ) > 0;
        link_to( $dbh, $own, $who, $login ) or die "the account cannot be linked\n";
        return ( $login, undef, 'invited' );
    }
    return ( undef, 'unknown' ) if $groups eq '';
    my $plain = lc $who->{username};
    my @names = map { "$own->{name}.$_" } ( $plain =~ /\A[a-z0-9][a-z0-9._-]{0,40}\z/ ? $plain : () ), substr sha256_hex("@key"), 0, 16;
    for my $login (@names) {
        my $made = $dbh->do( <<'SQL', undef, $login, $who->{name} || $login, $who->{email}, $groups, MARK );
INSERT INTO users (login, name, email, groups, password, source) VALUES (?, ?, ?, ?, ?, 'provider') ON CONFLICT DO NOTHING
SQL
        next unless $made > 0;
        link_to( $dbh, $own, $who, $login );
        return ( $login, undef, 'added' );
    }
    return ( undef, 'unknown' );
}

# The one user who was added with this address, is invited and has not been changed since. After a reset, and for roles with a second factor, the
# link is the only way.
sub invited {
    my ( $dbh, $who ) = @_;
    return if $who->{email} eq '';
    my $logins = $dbh->selectcol_arrayref( <<'SQL', undef, lc $who->{email} );
SELECT DISTINCT u.login FROM users u JOIN invitations i ON i.login = u.login AND i.expires > now() AND NOT i.by_mail
WHERE lower(u.email) = ? AND u.source = 'local' AND u.password IS NULL AND u.version = 1 AND NOT string_to_array(u.groups, ',') && ARRAY['admin', 'operator']
SQL
    return @$logins == 1 ? $logins->[0] : undef;
}

# In a cookie of this browser, through the sign-in by password. @param $token none to forget it
sub remember_link {
    my ( $req, $token ) = @_;
    my @kept = grep { $_ ne 'medianest_link' } @{ $req->pdata->{keepPdata} || [] };
    delete @{ $req->pdata }{qw(keepPdata medianest_link)};
    $req->pdata->{medianest_link} = $token if $token;
    push @kept, 'medianest_link' if $token;
    $req->pdata->{keepPdata} = \@kept if @kept;
    return;
}

# @returns whether it is linked: not with a user of LDAP, and not if another user has it
sub link_to {
    my ( $dbh, $own, $who, $login ) = @_;
    my $done = $dbh->do( <<'SQL', undef, $own->{issuer}, $who->{subject}, $own->{name}, $login );
INSERT INTO identities (issuer, subject, provider, login) SELECT ?, ?, ?, login FROM users WHERE login = ? AND source IN ('local', 'provider')
ON CONFLICT (issuer, subject) DO UPDATE SET login = excluded.login, provider = excluded.provider WHERE identities.login IS NULL
SQL
    return $done > 0;
}

# Closes the way by accounts elsewhere, until they are linked again. @returns the names of the providers
sub unlink_from {
    my ( $dbh, $login ) = @_;
    my %closed = map { $_ => 1 } @{ $dbh->selectcol_arrayref( 'UPDATE identities SET login = NULL WHERE login = ? RETURNING provider', undef, $login ) };
    return sort keys %closed;
}

1;
