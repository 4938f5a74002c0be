package Medianest::Plugin;

# Passwords by crypt(3) in yescrypt, and invitations: a link that is good once, for a time, and sets a password.
use strict;
use warnings;
use Mouse;
use Crypt::URandom;
use Digest::SHA qw(sha256_hex);
use Encode qw(encode);
use Lemonldap::NG::Portal::Main::Constants qw(PE_OK PE_DONE PE_ERROR PE_PASSWORD_MISMATCH PE_SESSIONEXPIRED);
use Medianest::Database;
use Medianest::Directory;
use Medianest::Factors;
use Medianest::Ldap;
use Medianest::Mail;
use Medianest::Providers;
extends 'Lemonldap::NG::Portal::Main::Plugin';

use constant aroundSub => { authenticate => 'told' };
use constant endAuth   => 'still';
use constant hook      => { dbiHashPassword => 'hash', dbiVerifyPassword => 'verify', oidcGotRequest => 'hashedChallenge', passwordAfterChange => 'changed' };

my @SALT = ( '.', '/', 0 .. 9, 'A' .. 'Z', 'a' .. 'z' );
my $below;

sub init {
    my ($self) = @_;
    $self->below_auth if $self->conf->{issuerDBOpenIDConnectActivation} && !$below++;
    $self->addUnauthRoute( invitation => 'show',   ['GET'] );
    $self->addUnauthRoute( invitation => 'accept', ['POST'] );
    $self->addAuthRoute( invitation => 'show',   ['GET'] );
    $self->addAuthRoute( invitation => 'accept', ['POST'] );
    return 1;
}

# The engine knows the requests of applications by addresses without /auth: else who signs in for one is not sent back to it.
sub below_auth {
    my $issuer = 'Lemonldap::NG::Portal::Issuer::OpenIDConnect';
    Mouse::Util::load_class($issuer);
    $issuer->meta->add_around_method_modifier(
        ssoMatch => sub {
            my ( $next, $module, $req ) = @_;
            local $req->{uri} = $req->{uri} =~ s{\A/auth(?=/)}{}r;
            return $module->$next($req);
        }
    );
    return;
}

# 120 random bits in the alphabet of crypt(5); `j9T` is yescrypt's default cost.
sub hashed {
    my ($password) = @_;
    my $salt = join '', map { $SALT[ $_ & 63 ] } unpack 'C20', Crypt::URandom::urandom(20);
    my $hash = crypt( encode( 'UTF-8', $password ), "\$y\$j9T\$$salt\$" );
    die "this system has no yescrypt\n" unless defined $hash && $hash =~ /^\$y\$j9T\$/;
    return $hash;
}

sub hash {
    my ( $self, $req, $scheme, $password, $result ) = @_;
    $result->{hashed_password} = hashed($password);
    return PE_DONE;
}

sub verify {
    my ( $self, $req, $password, $known, $result ) = @_;

    # No failed sign-in counts what is wrong on the page for a new password, which a thief of a session sees.
    my $right = $req->data->{medianest_wrong} ? 0 : eval {
        Medianest::Factors::tried( $self, $req, $req->user ) if $req->userData->{_session_id};
        proves( $req, $password, $known );
    };
    $self->logger->error( 'a password was not judged: ' . $@ =~ s/\s+/ /gr ) unless defined $right;
    $result->{result} = $right ? 1 : 0;
    return PE_DONE;
}

# @param $known what the table has of this user @throws where LDAP, which knows the password, cannot be asked
sub proves {
    my ( $req, $password, $known ) = @_;
    return Medianest::Directory::proves( $req, $password ) if $known eq Medianest::Ldap::MARK();
    my $hash = $known =~ /^\$y\$/ ? crypt( encode( 'UTF-8', $password ), $known ) : undef;
    return defined $hash && $hash eq $known ? 1 : 0;
}

# RFC 7636, 4.2: a client that can use S256 must. A plain challenge is as good as none to who reads the request.
sub hashedChallenge {
    my ( $self, $req, $request ) = @_;
    return $request->{code_challenge} && ( $request->{code_challenge_method} // '' ) ne 'S256' ? PE_ERROR : PE_OK;
}

# The engine logs who has signed in; who was refused, too, is an event. The engine counts any failure of this step against the account:
# where the password cannot be judged, the step ends before that.
sub told {
    my ( $self, $sub, $req ) = @_;
    my $password = $req->data->{password} // '';
    if ( length $password ) {
        my $known = eval { Medianest::Database::connection()->selectcol_arrayref( 'SELECT password FROM users WHERE login = ?', undef, $req->user ) };
        if ( !$known ) {
            $self->logger->error( 'the password of ' . $req->user . " cannot be judged: $@" );
            eval { $self->p->_authentication->setSecurity($req) };
            return PE_ERROR;
        }
        my $right = eval { proves( $req, $password, $known->[0] // '' ) };
        return Medianest::Directory::unjudged( $self, $req, $@ ) unless defined $right;
        return $req->authResult(PE_OK) if $right;
        $req->data->{medianest_wrong} = 1;
    }
    my $result = $sub->($req);
    $self->auditLog( $req, message => 'Sign-in refused for ' . $req->user, code => 'SIGN_IN_REFUSED', user => $req->user )
      if $result != PE_OK;
    return $result;
}

# A change of a user ends the sessions that there are. One that was stored a moment later, with what was read before the change, ends here.
sub still {
    my ( $self, $req ) = @_;
    my ( $login, $version ) = @{ $req->sessionInfo }{ $self->conf->{whatToTrace}, '_version' };
    return PE_OK unless defined $version;
    my $now = eval { Medianest::Database::connection()->selectcol_arrayref( 'SELECT version FROM users WHERE login = ?', undef, $login ) };
    return PE_OK if $now && @$now && $now->[0] == $version;
    $self->logger->error( $now ? "$login was changed during the sign-in" : "whether $login was changed cannot be read: $@" );
    eval { Medianest::Database::connection()->do( 'DELETE FROM sessions WHERE id = ?', undef, sha256_hex( $req->id ) ); 1 }
      or $self->logger->error("a session could not be ended: $@");
    return $now ? PE_SESSIONEXPIRED : PE_ERROR;
}

sub page {
    my ( $self, $req, %params ) = @_;
    return $self->p->sendHtml( $req, 'invitation', params => { %params, LEAST => $self->conf->{passwordPolicyMinSize} } );
}

sub token {
    my ($req) = @_;
    my $token = $req->param('token') // '';
    return $token =~ /^[A-Za-z0-9_-]{43}$/ ? $token : undef;
}

sub show {
    my ( $self, $req ) = @_;
    my $token = token($req) or return $self->page( $req, INVALID => 1 );
    my $row   = eval {
        Medianest::Database::connection()
          ->selectrow_hashref( 'SELECT login FROM invitations WHERE token_hash = ? AND expires > now()', undef, sha256_hex($token) );
    };
    return $self->unavailable($req) if $@;
    return $row ? $self->page( $req, TOKEN => $token, LOGIN => $row->{login} ) : $self->page( $req, INVALID => 1 );
}

sub accept {
    my ( $self, $req ) = @_;
    my $token    = token($req) or return $self->page( $req, INVALID => 1 );
    my $password = $req->param('password') // '';
    my %form     = ( TOKEN => $token, LOGIN => $req->param('login') // '' );
    return $self->page( $req, %form, MISMATCH => 1 ) if $password ne ( $req->param('confirm') // '' );
    my $allowed = $self->p->processHook( $req, 'passwordBeforeChange', $form{LOGIN}, $password, undef );
    return $self->page( $req, %form, WEAK => 1 ) if $allowed != PE_OK;

    # Of two that use one link at once, one gets the row; a password that is not stored leaves the link as it was.
    my ( $login, $by_mail, @closed ) = eval {
        my $hash = hashed($password);
        Medianest::Database::transaction(
            sub {
                my ($dbh) = @_;
                my ( $found, $mailed ) =
                  $dbh->selectrow_array( 'DELETE FROM invitations WHERE token_hash = ? AND expires > now() RETURNING login, by_mail', undef, sha256_hex($token) );
                return '' unless defined $found;
                $dbh->do( 'UPDATE users SET password = ? WHERE login = ?', undef, $hash, $found );
                begin_again( $dbh, $found, '' );
                return ( $found, 0 ) unless $mailed;

                # A person who had the mailbox or a linked account before keeps no other way in.
                my @was = Medianest::Providers::unlink_from( $dbh, $found );
                Medianest::Mail::enqueue( $dbh, 'changed', join( ' ', $found, join ', ', Medianest::Providers::labels(@was) ), $req->address );
                return ( $found, 1, @was );
            }
        );
    };
    if ( my $error = $@ ) {
        $self->logger->error("invitation: $error");
        return $self->unavailable($req);
    }
    return $self->page( $req, INVALID => 1 ) if $login eq '';
    my ( $what, $code ) = $by_mail ? ( 'Password reset', 'PASSWORD_RESET' ) : ( 'Invitation accepted', 'INVITATION_ACCEPTED' );
    my %closed = @closed ? ( unlinked => join ',', @closed ) : ();
    $self->auditLog( $req, message => join( '; no longer linked: ', "$what by $login", values %closed ), code => $code, user => $login, %closed );
    return $self->page( $req, DONE => 1, LOGIN => $login, CLOSED => join ', ', Medianest::Providers::labels(@closed) );
}

# What a password of before has begun ends: sessions (@param $kept is the id of one that goes on), sign-ins that wait for a second factor, links.
# @returns the version of the user
sub begin_again {
    my ( $dbh, $login, $kept ) = @_;
    my ($version) = $dbh->selectrow_array( 'UPDATE users SET version = version + 1 WHERE login = ? RETURNING version', undef, $login );
    $dbh->do( 'DELETE FROM invitations WHERE login = ?', undef, $login );
    $dbh->do( q{DELETE FROM sessions WHERE a_session ->> '_whatToTrace' = ? AND id <> ?}, undef, $login, $kept );
    return $version;
}

# The engine has changed the password of who is signed in, and leaves all sessions as they are.
sub changed {
    my ( $self, $req ) = @_;
    my $login   = $req->userData->{ $self->conf->{whatToTrace} };
    my $kept    = sha256_hex( $req->id );
    my $version = eval {
        Medianest::Database::transaction( sub { begin_again( $_[0], $login, $kept ) } );
    };
    if ( !defined $version ) {
        $self->logger->error("the other sessions of $login could not be ended: $@");
        return PE_ERROR;
    }
    $self->p->updateSession( $req, { _version => $version } );
    $self->auditLog( $req, message => "Password changed by $login", code => 'PASSWORD_CHANGED', user => $login );
    return PE_OK;
}

# Logged, because the person at the browser is told no more than this.
sub unavailable {
    my ( $self, $req ) = @_;
    $self->logger->error('invitation: the database does not answer');
    return $self->p->sendError( $req, 'the database does not answer', 503 );
}

1;
